import { execFileSync } from 'node:child_process';
import { lstatSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, utimesSync } from 'node:fs';
import { mkdir, open, readdir, readFile, rm, rmdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { createDirectoryStore } from '../../../src/storage/directory/directory-store.ts';
import {
  ObjectReplacedError,
  StoreRefusedError,
  StoreUnavailableError,
} from '../../../src/storage/store-errors.ts';
import { ANY_NAME } from '../../support/any-name.ts';
import { collect } from '../../support/collect.ts';
import { linux, posix, requires } from '../../support/platform-needs.ts';
import { putObject } from '../../support/put-object.ts';
import { scratch } from '../../support/scratch.ts';
import { silentLog } from '../../support/silent-log.ts';
import { objectStoreConformance } from '../object-store.conformance.ts';
import { name, save, storeAt, uploadOptions } from './save-object.ts';

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
  for (const text of ['one', 'three']) {
    await putObject(store, 'v1/Repo/key/version.tar.zst', text);
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
  expect(failure).toMatchObject({ settings: [{ input: 'endpoint' }] });
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
      expect(failure.advise((input: string) => `the input '${input}'`)).toContain(
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

const foreign: [string, (file: string) => unknown][] = [
  ['FIFO', file => execFileSync('mkfifo', [file])],
  ['symlink', file => symlinkSync('/etc/passwd', file)],
  ['dangling symlink', file => symlinkSync('nothing', file)],
];

test.each(foreign)(
  'a directory store has no object where a %s has its name, and a save replaces that',
  requires(posix),
  async (_, make) => {
    const root = scratch();
    const file = path.join(root, name);
    mkdirSync(path.dirname(file), { recursive: true });
    make(file);
    const store = storeAt(root);
    expect(await store.head(name)).toBeUndefined();
    expect(await store.getRange(name, { suffix: 10 })).toBeUndefined();
    const upload = store.createUpload('v1/other/version.tar.zst', uploadOptions);
    const copied = upload.copyRange({ name, etag: 'any' }, { start: 0, end: 5_242_880 });
    await expect(copied).rejects.toThrow(ObjectReplacedError);
    await upload.abort();
    await save(root, 'an object');
    expect(readFileSync(file, 'utf8')).toBe('an object');
    expect(lstatSync(file).isFile()).toBe(true);
  },
);

test.each(['v1', 'v1/key'])(
  'a directory store neither reads, lists nor deletes through a link in place of its directory %s',
  requires(posix),
  async planted => {
    const [root, elsewhere] = [scratch(), scratch()];
    await save(elsewhere);
    mkdirSync(path.join(root, path.dirname(planted)), { recursive: true });
    symlinkSync(path.join(elsewhere, planted), path.join(root, planted));
    const store = storeAt(root);
    const etag = (await storeAt(elsewhere).head(name))!.etag;
    expect(await store.head(name)).toBeUndefined();
    expect(await store.getRange(name, { suffix: 10 })).toBeUndefined();
    const upload = store.createUpload('other', uploadOptions);
    await expect(upload.copyRange({ name, etag }, { start: 0, end: 6 })).rejects.toThrow(ObjectReplacedError);
    for (const prefix of ['', 'v1/', 'v1/key/']) {
      expect(await collect(store.list(prefix))).toEqual([]);
      expect(await collect(store.unfinishedUploads(prefix, 0))).toEqual([]);
    }
    await store.delete(name);
    expect((await storeAt(elsewhere).head(name))?.sizeBytes).toBe(6);
  },
);

// Not all file systems keep these times
test.each([9e15, -9e15])(
  'a directory store gives an object of the second %d a time that a date has',
  requires(posix),
  async seconds => {
    const root = scratch();
    await save(root);
    utimesSync(path.join(root, name), seconds, seconds);
    const store = storeAt(root);
    for (const found of [await store.head(name), await store.getRange(name, { suffix: 1 })]) {
      expect(new Date(found!.modifiedMs!).getTime()).toBe(found!.modifiedMs);
    }
  },
);

test('the root of a directory store may itself be a link', requires(posix), async () => {
  const root = scratch();
  const linked = path.join(scratch(), 'store');
  symlinkSync(root, linked);
  await save(linked);
  expect(readFileSync(path.join(root, name), 'utf8')).toBe('object');
});
