import { chmodSync, chownSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  fileSystemTimeMs,
  findUploads,
  removeUploads,
} from '../../../src/storage/directory/unfinished-uploads.ts';
import { ANY_NAME } from '../../support/any-name.ts';
import { posix, requires, root } from '../../support/platform-needs.ts';
import { scratch } from '../../support/scratch.ts';
import { silentLog } from '../../support/silent-log.ts';
import { caches, evaluate, placeUpload, prepare } from './denied-store.ts';
import { save, storeAt } from './save-object.ts';

describe('in a directory store with a directory that the user may not read', requires(posix), () => {
  test('the sweep removes old uploads beside it', async () => {
    const { root } = await prepare({});
    for (const key of ['mine', 'other']) placeUpload(root, key);
    chmodSync(path.join(root, caches, 'other'), 0);
    const expression =
      "[await keysOf(store.unfinishedUploads('', 0)), await store.abortStale('', 0, { isOwn: () => true })]";
    expect(await evaluate(root, expression)).toEqual({ result: [['mine'], 1], notices: [] });
  });

  test(
    'the sweep removes old uploads beside those that another user has made in a directory of its own',
    requires(root),
    async () => {
      const { root } = await prepare({});
      for (const key of ['mine', 'other']) placeUpload(root, key);
      chownSync(path.join(root, caches, 'other'), 0, 0);
      chmodSync(path.join(root, caches, 'other'), 0o755);
      expect((await evaluate(root, "store.abortStale('', 0, { isOwn: () => true })")).result).toBe(1);
      expect((await evaluate(root, "store.abortStale('', 0, { isOwn: () => true })")).error).toMatch(
        /^StoreRefusedError: .*EACCES/,
      );
    },
  );
});

test('a sweep removes what a killed one has left', requires(posix), async () => {
  const root = scratch();
  await save(root);
  const directory = path.join(root, 'v1/key');
  for (const left of ['%t0123456789abcdef,version.tar.zst', '%t0123456789abcdef,clock%.zst'])
    writeFileSync(path.join(directory, left), '');
  expect(await storeAt(root).abortStale('v1/key/', 0, ANY_NAME)).toBe(2);
  expect(readdirSync(directory)).toEqual(['version.tar.zst']);
});

test('the uploads that are found are those under the prefix that were last written to at that time or before', async () => {
  const root = scratch();
  await save(root);
  const directory = path.join(root, 'v1/key');
  const upload = (letter: string, modifiedSeconds: number) => {
    const file = path.join(directory, `%t0123456789abcde${letter},version.tar.zst`);
    writeFileSync(file, '');
    utimesSync(file, modifiedSeconds, modifiedSeconds);
    return file;
  };
  const files = [upload('0', 1000), upload('1', 2000)];
  upload('2', 2001);
  const found = await findUploads(root, 'v1/key/', 2_000_000, silentLog);
  expect(found.map(({ file }) => file).sort()).toEqual(files);
  expect(found.map(({ begunMs }) => begunMs).sort()).toEqual([1_000_000, 2_000_000]);
  expect(await findUploads(root, 'v1/key/w', 2_000_000, silentLog)).toEqual([]);
});

test('an upload that another process has removed meanwhile counts as removed', async () => {
  const file = path.join(scratch(), 'x');
  expect(await removeUploads([{ name: 'x', begunMs: 0, file }])).toBe(1);
});

test('the time of the file system is read without a file that stays', async () => {
  const root = scratch();
  const before = Date.now();
  const timeMs = await fileSystemTimeMs(path.join(root, 'v1', 'clock'), root);
  // A clock of a file system may have coarse ticks
  expect(timeMs).toBeGreaterThan(before - 5000);
  expect(timeMs).toBeLessThanOrEqual(Date.now() + 5000);
  expect(readdirSync(path.join(root, 'v1'))).toEqual([]);
});
