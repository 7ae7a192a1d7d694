import * as fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { requires, root } from '../../support/platform-needs.ts';
import { incompressible } from '../../support/random.ts';
import { npmTime, rewriteInPlace, saveAgain } from './save-again.ts';

/** One change to the files of a tree between a restore and the save that follows. */

test('an incremental save of an unchanged tree packs no file', async () => {
  const { isIncremental, packed, outcome, job } = await saveAgain({ 'tree/a': 'a' }, () => {});
  expect([isIncremental, packed]).toEqual([true, []]);
  const [own, base] = [await job.open('k-1'), await job.open('k-0')];
  expect(own.manifest.frames).toEqual(base.manifest.frames);
  expect(own.manifest.head).toMatchObject({ object: own.name });
  const { reusedBytes = 0, sizeBytes = 0 } = outcome as { reusedBytes?: number; sizeBytes?: number };
  expect(sizeBytes - reusedBytes).toBeLessThan(5000);
});

describe('an incremental save packs', () => {
  test('a file with new content of the same size and time', async () => {
    const { isIncremental, packed } = await saveAgain(
      { 'tree/a': { content: 'one', mtime: npmTime }, 'tree/b': 'b' },
      tree => rewriteInPlace(`${tree}/a`, 'two'),
    );
    expect([isIncremental, packed]).toEqual([true, ['./tree/a']]);
  });

  test('a file that a rename replaced by one of the same size, mode and time', async () => {
    const { packed } = await saveAgain({ 'tree/a': { content: 'one', mtime: npmTime } }, tree => {
      fs.writeFileSync(`${tree}/new`, 'two');
      fs.utimesSync(`${tree}/new`, npmTime / 1e6, npmTime / 1e6);
      fs.renameSync(`${tree}/new`, `${tree}/a`);
    });
    expect(packed).toEqual(['./tree/a']);
  });

  test('two files that changed places', async () => {
    const spec = {
      'tree/a': { content: 'one', mtime: npmTime },
      'tree/b': { content: 'two', mtime: npmTime },
    };
    const { packed } = await saveAgain(spec, tree => {
      fs.renameSync(`${tree}/a`, `${tree}/c`);
      fs.renameSync(`${tree}/b`, `${tree}/a`);
      fs.renameSync(`${tree}/c`, `${tree}/b`);
    });
    expect(packed).toEqual(['./tree/a', './tree/b']);
  });

  test('files that became empty, and empty files that got content', async () => {
    const time = { mtime: npmTime };
    const { isIncremental } = await saveAgain(
      { 'tree/empty': { content: '', ...time }, 'tree/full': { content: 'x', ...time } },
      tree => {
        rewriteInPlace(`${tree}/empty`, 'y');
        rewriteInPlace(`${tree}/full`, '');
      },
      tree => {
        rewriteInPlace(`${tree}/empty`, '');
        rewriteInPlace(`${tree}/full`, 'x');
      },
    );
    expect(isIncremental).toBe(true);
  });

  test('only the large file of which one byte changed', async () => {
    const large = { content: Buffer.alloc(9_000_000, 'slices that compress to next to nothing '), mtime: 1 };
    const { packed } = await saveAgain({ 'tree/large': large, 'tree/large-too': large }, tree => {
      const fd = fs.openSync(`${tree}/large`, 'r+');
      fs.writeSync(fd, 'X', 8_500_000);
      fs.closeSync(fd);
    });
    expect(packed).toEqual(['./tree/large']);
  });

  test('a file that has its content of two saves ago again', async () => {
    const { packed } = await saveAgain(
      { 'tree/a': 'one' },
      tree => fs.writeFileSync(`${tree}/a`, 'two'),
      tree => fs.writeFileSync(`${tree}/a`, 'one'),
    );
    expect(packed).toEqual(['./tree/a']);
  });

  test('a file that was deleted in one save and is back, with its old time, in the next', async () => {
    await saveAgain(
      { 'tree/a': { content: 'one', mtime: npmTime } },
      tree => fs.rmSync(`${tree}/a`),
      tree => {
        fs.writeFileSync(`${tree}/a`, 'two');
        fs.utimesSync(`${tree}/a`, npmTime / 1e6, npmTime / 1e6);
      },
    );
  });

  test('a file of which only the mode changed', async () => {
    const { packed } = await saveAgain({ 'tree/a': { content: 'a', mode: 0o644 }, 'tree/b': 'b' }, tree =>
      fs.chmodSync(`${tree}/a`, 0o755),
    );
    expect(packed).toEqual(['./tree/a']);
  });

  test('a file of which only the owner changed', requires(root), async () => {
    const { packed } = await saveAgain({ 'tree/a': 'a', 'tree/b': 'b' }, tree => {
      fs.chownSync(`${tree}/a`, 7, 8);
      fs.chownSync(tree, 7, 8);
    });
    expect(packed).toEqual(['./tree/a']);
  });
});

test('six incremental saves in a row each reuse the data of the one before', async () => {
  const files = Array.from({ length: 6 }, (_, index) => `tree/${index}`);
  const spec = Object.fromEntries(files.map(name => [name, incompressible(1000, name)]));
  const edits = files.map(name => (tree: string) => fs.writeFileSync(path.join(tree, '..', name), 'new'));
  const { job, isIncremental } = await saveAgain(spec, ...edits);
  expect(isIncremental).toBe(true);
  const framesOf = async (key: string) => (await job.open(key)).manifest.frames.length;
  expect((await framesOf('k-6')) - (await framesOf('k-0'))).toBe(6);
});
