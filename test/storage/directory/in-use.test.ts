/**
 * A directory store on Windows, while other processes have its files open. The refusals of Windows are emulated here: this shows
 * what the store does after a refusal. in-use-windows.local.ts runs on Windows itself.
 */

import { lstatSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { createDirectoryStore } from '../../../src/storage/directory/directory-store.ts';
import { StoreRefusedError, StoreUnavailableError } from '../../../src/storage/store-errors.ts';
import { platforms, usePlatform } from '../../archive/support/platform.ts';
import { ANY_NAME } from '../../support/any-name.ts';
import { insteadAsync } from '../../support/file-system-calls.ts';
import { posix, requires } from '../../support/platform-needs.ts';
import { putObject } from '../../support/put-object.ts';
import { scratch } from '../../support/scratch.ts';
import { silentLog } from '../../support/silent-log.ts';

const name = 'v1/key/version.tar.zst';

/** A process that has a file open lets others delete it, as Node.js does (`shared`), or not (`held`). */
type Use = 'shared' | 'held';

/** Makes a store with one object in a directory where Windows' refusals (seen in Wine 10) are emulated. Waits take no time. */
async function onWindows(text = 'old') {
  const root = scratch();
  const store = createDirectoryStore(root, { log: silentLog });
  const save = (content: string, onlyIfAbsent: boolean) => putObject(store, name, content, { onlyIfAbsent });
  await save(text, true);
  const uses = new Map<number, Use>();
  const waits: number[] = [];
  let onWait = () => {};
  usePlatform(platforms.win32);
  const timer = vi.spyOn(globalThis, 'setTimeout').mockImplementation(((then: () => void, ms = 0) => {
    waits.push(ms);
    onWait();
    return setImmediate(then);
  }) as unknown as typeof setTimeout);
  onTestFinished(() => timer.mockRestore());
  const inode = (file: unknown) => lstatSync(String(file), { throwIfNoEntry: false })?.ino ?? -1;
  const useOf = (file: unknown) => uses.get(inode(file));
  const refuse = (code: string, file: unknown) =>
    Promise.reject(Object.assign(new Error(`${code}: refused`), { code, path: String(file) }));
  insteadAsync('rename', rename => async (from, to) => {
    if (useOf(from) === 'held') return refuse('EBUSY', from);
    if (useOf(to) !== undefined) return refuse('EPERM', from);
    return rename(from, to);
  });
  insteadAsync(
    'rm',
    rm => async (file, options) => (useOf(file) === 'held' ? refuse('EBUSY', file) : rm(file, options)),
  );
  insteadAsync(
    'open',
    open =>
      (async (file, ...rest) =>
        useOf(file) === 'held' ? refuse('EBUSY', file) : open(file, ...rest)) as typeof open,
  );
  const directory = path.join(root, 'v1/key');
  return {
    root,
    store,
    save,
    waits,
    directory,
    file: path.join(directory, 'version.tar.zst'),
    names: () => readdirSync(directory).map(found => found.replace(/^%t[0-9a-f]{16},/, '%t,')),
    content: () => readFileSync(path.join(directory, 'version.tar.zst'), 'utf8'),
    use: (file: string, how: Use) => void uses.set(inode(file), how),
    end: () => uses.clear(),
    endAtWait: (wait: number) => {
      onWait = () => waits.length === wait && uses.clear();
    },
  };
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);

describe('on Windows, while another process has its file open, an object', requires(posix), () => {
  test('is read when the other process has closed it', async () => {
    const { store, file, use, endAtWait, waits } = await onWindows();
    use(file, 'held');
    endAtWait(3);
    const read = await store.getRange(name, { suffix: 10 });
    expect(Buffer.from(read!.bytes).toString()).toBe('old');
    expect(waits).toEqual([10, 20, 40]);
  });

  test('is unavailable, not missing, when it stays open for more than three seconds', async () => {
    const { store, file, use, waits } = await onWindows();
    use(file, 'held');
    const reading = store.getRange(name, { suffix: 10 });
    await expect(reading).rejects.toThrow(StoreUnavailableError);
    await expect(reading).rejects.toThrow(`a process has ${file} open and does not share it (EBUSY)`);
    expect(sum(waits)).toBe(3000);
  });

  test('is no longer waited for when the step is cancelled', async () => {
    const { store, file, use } = await onWindows();
    use(file, 'held');
    const controller = new AbortController();
    const reason = new Error('the step was cancelled');
    const reading = store.getRange(name, { suffix: 10 }, { signal: controller.signal });
    controller.abort(reason);
    await expect(reading).rejects.toBe(reason);
  });

  test('is replaced when the other process has closed it', async () => {
    const { save, file, use, endAtWait, content, names } = await onWindows();
    use(file, 'held');
    endAtWait(3);
    await save('new', false);
    expect([content(), names()]).toEqual(['new', ['version.tar.zst']]);
  });

  test('is replaced although a process that lets it be deleted keeps it open', async () => {
    const { save, file, use, content, names, waits } = await onWindows();
    use(file, 'shared');
    await save('new', false);
    expect([content(), names()]).toEqual(['new', ['version.tar.zst']]);
    expect(sum(waits)).toBe(3000);
  });

  test('stays as it is when a process keeps it open, and the failure does not blame an input', async () => {
    const { save, file, use, content, names } = await onWindows();
    use(file, 'held');
    const saving = save('new', false);
    await expect(saving).rejects.toThrow(StoreUnavailableError);
    await expect(saving).rejects.toThrow(`${file} cannot be replaced, because a process has it open (EBUSY)`);
    expect([content(), names()]).toEqual(['old', ['version.tar.zst']]);
  });

  test('stays as it is when it could be moved aside, but not replaced', async () => {
    const { save, file, use, content, names } = await onWindows();
    use(file, 'shared');
    insteadAsync('rename', rename => (from, to) => {
      const isNew = String(to) === file && readFileSync(String(from), 'utf8') === 'new';
      if (isNew && !names().includes('version.tar.zst'))
        return Promise.reject(Object.assign(new Error('EIO'), { code: 'EIO' }));
      return rename(from, to);
    });
    await expect(save('new', false)).rejects.toThrow('EIO');
    expect([content(), names()]).toEqual(['old', ['version.tar.zst']]);
  });

  test('is deleted when the other process has closed it', async () => {
    const { store, file, use, endAtWait } = await onWindows();
    use(file, 'held');
    endAtWait(3);
    await store.delete(name);
    expect(await store.head(name)).toBeUndefined();
  });
});

describe('on Windows, a finished save', requires(posix), () => {
  test('succeeds although its temporary file cannot be removed, which a later sweep removes', async () => {
    const { store, file, use, end, directory, names } = await onWindows();
    await store.delete(name);
    insteadAsync('link', link => async (from, to) => {
      await link(from, to);
      use(String(to), 'held');
    });
    await putObject(store, name, 'new', { onlyIfAbsent: true });
    expect(names()).toEqual(['%t,version.tar.zst', 'version.tar.zst']);
    // A sweep leaves what is still open, and removes the rest
    writeFileSync(path.join(directory, '%t0123456789abcdef,clock%.zst'), '');
    expect(await store.abortStale('v1/key/', 0, ANY_NAME)).toBe(1);
    end();
    expect(await store.abortStale('v1/key/', 0, ANY_NAME)).toBe(1);
    expect(names()).toEqual(['version.tar.zst']);
    expect(readFileSync(file, 'utf8')).toBe('new');
  });
});

test(
  'a directory below a file is refused with the name of the input, where the system only reports that it does not exist',
  requires(posix),
  async () => {
    const { root } = await onWindows();
    const file = path.join(root, 'a-file');
    writeFileSync(file, '');
    const asWindows = (error: NodeJS.ErrnoException) => {
      throw error.code === 'ENOTDIR' ? Object.assign(new Error('ENOENT'), { code: 'ENOENT' }) : error;
    };
    insteadAsync('open', open => ((...call) => open(...call).catch(asWindows)) as typeof open);
    insteadAsync(
      'mkdir',
      mkdir => ((...call: Parameters<typeof mkdir>) => mkdir(...call).catch(asWindows)) as typeof mkdir,
    );
    const store = createDirectoryStore(path.join(file, 'store/bucket'), { log: silentLog });
    const upload = store.createUpload(name, { partSizeBytes: 5_242_880, onlyIfAbsent: true });
    const failure: StoreRefusedError = await upload.write(Buffer.from('x')).then(
      () => expect.unreachable(),
      error => error,
    );
    expect(failure).toBeInstanceOf(StoreRefusedError);
    expect(failure.advise(input => `the input '${input}'`)).toBe(
      `check the input 'endpoint': directory ${path.join(file, 'store/bucket')}: ENOTDIR: not a directory, '${file}'`,
    );
  },
);
