import { execFileSync } from 'node:child_process';
import { lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { createDirectoryStore } from '../../../src/storage/directory/directory-store.ts';
import { ObjectReplacedError, StoreRefusedError } from '../../../src/storage/store-errors.ts';
import { scratch } from '../../support/scratch.ts';
import { silentLog } from '../../support/silent-log.ts';

const posix = process.platform !== 'win32';
const name = 'v1/key/version.tar.zst';
const uploadOptions = { partSizeBytes: 5_242_880, onlyIfAbsent: true };

const storeAt = (root: string) => createDirectoryStore(root, { log: silentLog });

async function save(root: string, text = 'object'): Promise<void> {
  const upload = storeAt(root).createUpload(name, uploadOptions);
  await upload.write(Buffer.from(text));
  await upload.complete();
}

describe.runIf(posix)('a directory store', () => {
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

  test('may itself be a link', async () => {
    const root = scratch();
    const linked = path.join(scratch(), 'store');
    symlinkSync(root, linked);
    await save(linked);
    expect(readFileSync(path.join(root, name), 'utf8')).toBe('object');
  });

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
    expect(await storeAt(root).abortStale('v1/key/', 0)).toBe(2);
    expect(readdirSync(directory)).toEqual(['version.tar.zst']);
  });
});
