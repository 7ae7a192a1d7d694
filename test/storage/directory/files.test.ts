import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { modifiedMsOf, publishNew } from '../../../src/storage/directory/files.ts';
import { failed, insteadAsync } from '../../support/file-system-calls.ts';
import { scratch } from '../../support/scratch.ts';

let directory: string;
const at = (name: string) => path.join(directory, name);

beforeEach(() => {
  directory = scratch();
});

/** Makes link(2) fail as on a file system without hard links, until the test ends. */
function withoutHardLinks(): void {
  insteadAsync('link', () => file => Promise.reject(failed('EPERM', file)));
}

test.each([
  ['with hard links', () => {}],
  ['without hard links', withoutHardLinks],
])('a file system %s gives a free name to a temporary file, and keeps a taken one', async (_, prepare) => {
  prepare();
  await writeFile(at('%t1'), 'one');
  await writeFile(at('%t2'), 'two');
  expect(await publishNew(at('%t1'), at('object'))).toBe(true);
  expect(await publishNew(at('%t2'), at('object'))).toBe(false);
  expect(await readFile(at('object'), 'utf8')).toBe('one');
  expect((await readdir(directory)).sort()).toEqual(['%t2', 'object']);
});

test('of several processes that publish one name at once, one wins', async () => {
  const writers = Array.from({ length: 8 }, async (_, index) => {
    await writeFile(at(`%t${index}`), String(index));
    return publishNew(at(`%t${index}`), at('object'));
  });
  const hasWon = await Promise.all(writers);
  expect(hasWon.filter(Boolean)).toHaveLength(1);
  expect(await readFile(at('object'), 'utf8')).toBe(String(hasWon.indexOf(true)));
});

test('without hard links, several processes that publish one name at once leave one whole object', async () => {
  withoutHardLinks();
  const contents = Array.from({ length: 8 }, (_, index) => String(index).repeat(1000));
  const writers = contents.map(async (content, index) => {
    await writeFile(at(`%t${index}`), content);
    await publishNew(at(`%t${index}`), at('object'));
  });
  await Promise.allSettled(writers);
  expect(contents).toContain(await readFile(at('object'), 'utf8'));
});

test.each([2n ** 63n - 1n, -(2n ** 63n)])(
  'the time of a file of the second %d is one that a date has',
  seconds => {
    const modifiedMs = modifiedMsOf({ mtimeMs: seconds * 1000n });
    expect(new Date(modifiedMs).getTime()).toBe(modifiedMs);
  },
);
