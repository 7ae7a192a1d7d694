import { mkdtempSync, rmSync } from 'node:fs';
import { mkdir, open, readdir, readFile, rm, rmdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { createDirectoryStore } from '../../../src/storage/directory/directory-store.ts';
import { StoreRefusedError, StoreUnavailableError } from '../../../src/storage/store-errors.ts';
import { ANY_NAME } from '../../support/any-name.ts';
import { collect } from '../../support/collect.ts';
import { linux, requires } from '../../support/platform-needs.ts';
import { silentLog } from '../../support/silent-log.ts';
import { objectStoreConformance } from '../object-store.conformance.ts';

const root = mkdtempSync(path.join(tmpdir(), 'cache-s3-directory-'));
afterAll(() => rmSync(root, { recursive: true }));

const storeIn = (directory: string) => createDirectoryStore(path.join(root, directory), { log: silentLog });

describe('the directory store', () => objectStoreConformance(() => storeIn('conformance')));

test('a missing directory is an empty store, and reading does not create it', async () => {
  const store = storeIn('absent');
  expect(await store.head('x')).toBeUndefined();
  for await (const info of store.list('')) expect.unreachable(info.name);
  expect(await store.abortStale('', 0, ANY_NAME)).toBe(0);
  expect(await readdir(root)).not.toContain('absent');
});

test('an object is one file, with no other file beside it', async () => {
  const store = storeIn('plain');
  const options = { partSizeBytes: 5_242_880, onlyIfAbsent: false };
  for (const text of ['one', 'three']) {
    const upload = store.createUpload('v1/Repo/key/version.tar.zst', options);
    await upload.write(Buffer.from(text));
    await upload.complete();
  }
  const directory = path.join(root, 'plain/v1/!repo/key');
  expect(await readFile(path.join(directory, 'version.tar.zst'), 'utf8')).toBe('three');
  expect(await readdir(directory)).toEqual(['version.tar.zst']);
});

test('a root that is a file is refused, and the error names the input', async () => {
  const store = storeIn('file');
  const first = store.createUpload('x', { partSizeBytes: 5_242_880, onlyIfAbsent: true });
  await first.write(Buffer.from('x'));
  await first.complete();
  const below = createDirectoryStore(path.join(root, 'file/x%.zst'), { log: silentLog });
  const upload = below.createUpload('y', { partSizeBytes: 5_242_880, onlyIfAbsent: true });
  const failure = await upload.write(Buffer.from('y')).catch(error => error);
  expect(failure).toBeInstanceOf(StoreRefusedError);
  expect(failure).toMatchObject({ setting: "the input 'endpoint'" });
});

test('a root that is a file, or is below one, is refused by each call that reads, and not taken for an empty store', async () => {
  const file = path.join(root, 'a-file');
  await writeFile(file, '');
  for (const place of [file, path.join(file, 'store/bucket')]) {
    const store = createDirectoryStore(place, { log: silentLog });
    const calls: (() => Promise<unknown>)[] = [
      () => store.head('v1/key/x'),
      () => store.getRange('v1/key/x', { suffix: 10 }),
      () => collect(store.list('v1/')),
      () => collect(store.unfinishedUploads('v1/', 0)),
      () => store.delete('v1/key/x'),
    ];
    for (const call of calls) {
      const failure = await call().then(
        () => expect.unreachable(),
        error => error,
      );
      expect(failure).toBeInstanceOf(StoreRefusedError);
      expect(failure.advice).toContain(
        `the input 'endpoint': directory ${place}: ENOTDIR: not a directory, '${file}'`,
      );
    }
  }
});

test('a root that was a file for a moment is a store as soon as it is a directory', async () => {
  const place = path.join(root, 'for-a-moment');
  await writeFile(place, '');
  const store = createDirectoryStore(place, { log: silentLog });
  await expect(store.head('v1/key/x')).rejects.toThrow(StoreRefusedError);
  await rm(place);
  await mkdir(place);
  expect(await store.head('v1/key/x')).toBeUndefined();
});

test('a root that its host has removed below a mount ends a save', requires(linux), async () => {
  // As a container sees a mounted directory that the host has removed, without a mount
  const removed = path.join(root, 'removed');
  await mkdir(removed);
  const handle = await open(removed);
  await rmdir(removed);
  const store = createDirectoryStore(`/proc/self/fd/${handle.fd}`, { log: silentLog });
  const upload = store.createUpload('v1/key/x', { partSizeBytes: 5_242_880, onlyIfAbsent: true });
  await expect(upload.write(Buffer.from('x'))).rejects.toThrow(StoreUnavailableError);
  await handle.close();
});
