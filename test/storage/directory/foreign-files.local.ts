import { execFileSync } from 'node:child_process';
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { createDirectoryStore } from '../../../src/storage/directory/directory-store.ts';
import { ObjectReplacedError, StoreRefusedError } from '../../../src/storage/store-errors.ts';
import { ANY_NAME } from '../../support/any-name.ts';
import { collect } from '../../support/collect.ts';
import { posix, requires } from '../../support/platform-needs.ts';
import { scratch } from '../../support/scratch.ts';
import { silentLog } from '../../support/silent-log.ts';

const name = 'v1/key/version.tar.zst';
const uploadOptions = { partSizeBytes: 5_242_880, onlyIfAbsent: true };

const storeAt = (root: string) => createDirectoryStore(root, { log: silentLog });

async function save(root: string, text = 'object'): Promise<void> {
  const upload = storeAt(root).createUpload(name, uploadOptions);
  await upload.write(Buffer.from(text));
  await upload.complete();
}

describe('a directory store', requires(posix), () => {
  const foreign: [string, (file: string) => unknown][] = [
    ['FIFO', file => execFileSync('mkfifo', [file])],
    ['symlink', file => symlinkSync('/etc/passwd', file)],
    ['dangling symlink', file => symlinkSync('nothing', file)],
  ];

  test.each(foreign)('has no object where a %s has its name, and a save replaces that', async (_, make) => {
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
  });

  test.each(['v1', 'v1/key'])('does not write through a link in place of its directory %s', async planted => {
    const root = scratch();
    const elsewhere = scratch();
    mkdirSync(path.join(root, path.dirname(planted)), { recursive: true });
    symlinkSync(elsewhere, path.join(root, planted));
    await expect(save(root)).rejects.toThrow(StoreRefusedError);
    await expect(save(root)).rejects.toThrow(`${planted} is a link, which is not followed`);
    expect(readdirSync(elsewhere)).toEqual([]);
  });

  test.each(['v1', 'v1/key'])(
    'neither reads, lists nor deletes through a link in place of its directory %s',
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
      await expect(upload.copyRange({ name, etag }, { start: 0, end: 6 })).rejects.toThrow(
        ObjectReplacedError,
      );
      for (const prefix of ['', 'v1/', 'v1/key/']) {
        expect(await collect(store.list(prefix))).toEqual([]);
        expect(await collect(store.unfinishedUploads(prefix, 0))).toEqual([]);
      }
      await store.delete(name);
      expect((await storeAt(elsewhere).head(name))?.sizeBytes).toBe(6);
    },
  );

  test('lists its objects beside directories deeper than a path of the system, and files with longer names', async () => {
    const root = scratch();
    await save(root);
    const longName = Array.from({ length: 60 }, () => 'n'.repeat(20)).join('/');
    mkdirSync(path.join(root, 'v1', longName), { recursive: true });
    writeFileSync(path.join(root, 'v1', longName, 'x.zst'), 'x');
    // A path over the limit can only be made from inside
    const deeper =
      "for (let i = 0; i < 500; i++) { fs.mkdirSync('dddddddddd'); process.chdir('dddddddddd'); }";
    execFileSync(process.execPath, ['-e', deeper], { cwd: path.join(root, 'v1') });
    for (const prefix of ['', 'v1/']) {
      expect((await collect(storeAt(root).list(prefix))).map(object => object.name)).toEqual([name]);
      expect(await collect(storeAt(root).unfinishedUploads(prefix, 0))).toEqual([]);
    }
    execFileSync('rm', ['-rf', path.join(root, 'v1')]);
  });

  // Not all file systems keep these times
  test.each([9e15, -9e15])('gives an object of the second %d a time that a date has', async seconds => {
    const root = scratch();
    await save(root);
    utimesSync(path.join(root, name), seconds, seconds);
    const store = storeAt(root);
    for (const found of [await store.head(name), await store.getRange(name, { suffix: 1 })]) {
      expect(new Date(found!.modifiedMs).getTime()).toBe(found!.modifiedMs);
    }
  });

  test('may itself be a link', async () => {
    const root = scratch();
    const linked = path.join(scratch(), 'store');
    symlinkSync(root, linked);
    await save(linked);
    expect(readFileSync(path.join(root, name), 'utf8')).toBe('object');
  });

  test.each(['FIFO', 'directory'])(
    'names the object that a %s in its way keeps from being stored',
    async kind => {
      const root = scratch();
      const file = path.join(root, name);
      mkdirSync(path.dirname(path.dirname(file)), { recursive: true });
      if (kind === 'FIFO') execFileSync('mkfifo', [path.dirname(file)]);
      else mkdirSync(file, { recursive: true });
      const { message } = await save(root).then(
        () => expect.unreachable(),
        (error: Error) => error,
      );
      expect(message).toContain(`'${file}'`);
      expect(message).not.toContain('%t');
    },
  );

  test('leaves no file of an upload that fails', async () => {
    const root = scratch();
    const directory = path.join(root, 'v1/key');
    mkdirSync(directory, { recursive: true });
    const upload = storeAt(root).createUpload(name, uploadOptions);
    await upload.write(Buffer.from('begun'));
    expect(readdirSync(directory)).toHaveLength(1);
    const failing = {
      get length(): never {
        throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' });
      },
    };
    await expect(upload.write(failing as unknown as Uint8Array)).rejects.toThrow('ENOSPC');
    expect(readdirSync(directory)).toEqual([]);
  });

  test('removes what a killed sweep left behind', async () => {
    const root = scratch();
    await save(root);
    const directory = path.join(root, 'v1/key');
    for (const left of ['%t0123456789abcdef,version.tar.zst', '%t0123456789abcdef,clock%.zst'])
      writeFileSync(path.join(directory, left), '');
    expect(await storeAt(root).abortStale('v1/key/', 0, ANY_NAME)).toBe(2);
    expect(readdirSync(directory)).toEqual(['version.tar.zst']);
  });
});
