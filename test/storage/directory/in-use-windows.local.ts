/** A directory store whose files are open in another process, where the system itself refuses to change them. */

import { constants, linkSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { createDirectoryStore } from '../../../src/storage/directory/directory-store.ts';
import { StoreRefusedError, StoreUnavailableError } from '../../../src/storage/store-errors.ts';
import { ANY_NAME } from '../../support/any-name.ts';
import { EXCLUSIVE, keepOpen } from '../../support/keep-open.ts';
import { requires, windows } from '../../support/platform-needs.ts';
import { putObject } from '../../support/put-object.ts';
import { scratch } from '../../support/scratch.ts';
import { silentLog } from '../../support/silent-log.ts';

const name = 'v1/key/version.tar.zst';

/** Makes a store with one object. */
async function prepare() {
  const root = scratch();
  const store = createDirectoryStore(root, { log: silentLog });
  const save = (text: string, onlyIfAbsent: boolean) => putObject(store, name, text, { onlyIfAbsent });
  await save('old', true);
  const content = async () => Buffer.from((await store.getRange(name, { suffix: 10 }))!.bytes).toString();
  return { store, save, content, directory: path.join(root, 'v1/key'), file: path.join(root, name) };
}

describe('on Windows, a directory store', requires(windows), () => {
  test('waits for an object that another process has open', async () => {
    const { save, content, file } = await prepare();
    setTimeout(keepOpen(file, EXCLUSIVE), 200);
    expect(await content()).toBe('old');
    setTimeout(keepOpen(file, EXCLUSIVE), 200);
    await save('new', false);
    expect(await content()).toBe('new');
  });

  test('replaces an object that Node.js has open', async () => {
    const { save, content, file, directory } = await prepare();
    keepOpen(file, constants.O_RDONLY);
    await save('new', false);
    expect(await content()).toBe('new');
    expect(readdirSync(directory)).toEqual(['version.tar.zst']);
  });

  test('keeps an object that stays open, and the failure blames no input', async () => {
    const { save, content, file, directory } = await prepare();
    const close = keepOpen(file, EXCLUSIVE);
    await expect(save('new', false)).rejects.toThrow(StoreUnavailableError);
    close();
    expect(await content()).toBe('old');
    expect(readdirSync(directory)).toEqual(['version.tar.zst']);
  });

  test('leaves a temporary file that is open to a later sweep', async () => {
    const { store, file, directory } = await prepare();
    const temporary = path.join(directory, '%t0123456789abcdef,version.tar.zst');
    linkSync(file, temporary);
    const close = keepOpen(temporary, EXCLUSIVE);
    expect(await store.abortStale('v1/key/', 0, ANY_NAME)).toBe(0);
    close();
    expect(await store.abortStale('v1/key/', 0, ANY_NAME)).toBe(1);
    expect(readdirSync(directory)).toEqual(['version.tar.zst']);
  });

  test('below a file is refused with the name of the input', async () => {
    const file = path.join(scratch(), 'a-file');
    writeFileSync(file, '');
    const store = createDirectoryStore(path.join(file, 'store'), { log: silentLog });
    const upload = store.createUpload(name, { partSizeBytes: 5_242_880, onlyIfAbsent: true });
    await expect(upload.write(Buffer.from('x'))).rejects.toThrow(StoreRefusedError);
    await expect(upload.complete()).rejects.toThrow('ENOTDIR: not a directory');
  });
});
