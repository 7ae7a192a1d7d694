import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { ObjectReplacedError, StoreRefusedError } from '../../../src/storage/store-errors.ts';
import { posix, requires } from '../../support/platform-needs.ts';
import { scratch } from '../../support/scratch.ts';
import { name, save, storeAt, uploadOptions } from './save-object.ts';

test.each(['v1', 'v1/key'])(
  'an upload does not write through a link in place of its directory %s',
  async planted => {
    const root = scratch();
    const elsewhere = scratch();
    mkdirSync(path.join(root, path.dirname(planted)), { recursive: true });
    symlinkSync(elsewhere, path.join(root, planted));
    await expect(save(root)).rejects.toThrow(StoreRefusedError);
    await expect(save(root)).rejects.toThrow(`${planted} is a link, which is not followed`);
    expect(readdirSync(elsewhere)).toEqual([]);
  },
);

test.each(['FIFO', 'directory'])(
  'an upload names the object that a %s in its way keeps from being stored',
  requires(posix),
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

test('an upload that fails leaves no file', requires(posix), async () => {
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

test('an upload that copies from an object that ends before the range fails for good, and leaves no file', async () => {
  const root = scratch();
  await save(root);
  const { etag } = (await storeAt(root).head(name))!;
  const upload = storeAt(root).createUpload('v1/key/copy.tar.zst', uploadOptions);
  const ends = `${name} ends before byte 7`;
  const copied = upload.copyRange({ name, etag }, { start: 0, end: 7 });
  await expect(copied).rejects.toThrow(ObjectReplacedError);
  await expect(copied).rejects.toThrow(ends);
  await expect(upload.write(Buffer.from('x'))).rejects.toThrow(ends);
  await expect(upload.complete()).rejects.toThrow(ends);
  expect(readdirSync(path.join(root, 'v1/key'))).toEqual(['version.tar.zst']);
});

test('an upload that is given up takes no further step, and leaves no file', async () => {
  const root = scratch();
  await save(root);
  const upload = storeAt(root).createUpload('v1/key/begun.tar.zst', uploadOptions);
  await upload.write(Buffer.from('begun'));
  await upload.abort();
  await expect(upload.complete()).rejects.toThrow('the upload has ended');
  expect(readdirSync(path.join(root, 'v1/key'))).toEqual(['version.tar.zst']);
});

test('an upload for one version replaces that one, and no other', async () => {
  const root = scratch();
  await save(root, 'one');
  const { etag } = (await storeAt(root).head(name))!;
  const begin = async () => {
    const upload = storeAt(root).createUpload(name, {
      ...uploadOptions,
      onlyIfAbsent: false,
      onlyIfEtag: etag,
    });
    await upload.write(Buffer.from('second'));
    return upload;
  };
  const [first, second] = [await begin(), await begin()];
  await first.complete();
  await expect(second.complete()).rejects.toThrow(ObjectReplacedError);
  await expect(second.complete()).rejects.toThrow(`${name} was replaced by another job meanwhile`);
});
