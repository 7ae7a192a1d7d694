import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createPathLayout } from '../../../src/cache/paths/paths.ts';
import { posix, requires } from '../../support/platform-needs.ts';
import { scratch } from '../../support/scratch.ts';
import { slashed } from '../../support/slashed.ts';
import { buildTree } from '../../support/tree.ts';

const LEVELS = 16;

/** Directories in a circle, each with two links to the next one: 2^15 ways lead to the last. */
describe('a search in directories that are linked to each other', requires(posix), () => {
  let root: string;
  beforeAll(() => {
    root = realpathSync(mkdtempSync(path.join(tmpdir(), 'cache-s3-search-')));
    for (let level = 0; level < LEVELS; level++) {
      mkdirSync(path.join(root, `${level}`));
      for (const name of ['a', 'b']) {
        symlinkSync(`../${(level + 1) % LEVELS}`, path.join(root, `${level}/${name}`));
      }
    }
  });
  afterAll(() => rmSync(root, { recursive: true }));

  const search = (signal?: AbortSignal) =>
    createPathLayout({ lines: ['**/x'], workspace: root, home: '/', platformPath: path }).roots(signal);

  test('ends with one sentence that names the input', async () => {
    const error = await search().catch(reason => reason);
    expect(error.message.replace(/\d+ in more/, 'N in more')).toBe(
      `the paths of input 'path' cannot be searched (links lead to ${root}/N in more than 10000 ways); name the directories to save, without \`**\``,
    );
  });

  test('is ended by a cancellation', async () => {
    const controller = new AbortController();
    const reason = new Error('the step was cancelled (SIGINT)');
    setImmediate(() => controller.abort(reason));
    await expect(search(controller.signal)).rejects.toBe(reason);
  });
});

test('a search neither finds nor enters the staging of a restore', async () => {
  const root = await buildTree(scratch(), {
    '.cache-s3-42-00c0ffee-00c0ffee/0/modules/x': 'staged',
    '.cache-s3-store/modules/x': 'x',
    'a/.cache-s3-42-00c0ffee-00c0ffee/f0/modules': 'staged',
    'a/modules/x': 'x',
  });
  const find = async (pattern: string) => {
    const layout = createPathLayout({ lines: [pattern], workspace: root, home: '/', platformPath: path });
    return (await layout.roots()).map(found => slashed(path.relative(root, found))).toSorted();
  };
  expect(await find('**/modules')).toEqual(['.cache-s3-store/modules', 'a/modules']);
  expect(await find('.cache*')).toEqual(['.cache-s3-store']);
  expect(await find('*/*/f0')).toEqual([]);
});
