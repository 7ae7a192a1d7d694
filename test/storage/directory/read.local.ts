import { truncateSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { objectFile } from '../../../src/storage/directory/file-names.ts';
import { readRange } from '../../../src/storage/directory/read.ts';
import { ObjectReplacedError } from '../../../src/storage/store-errors.ts';
import { failed, insteadAsync } from '../../support/file-system-calls.ts';
import { scratch } from '../../support/scratch.ts';
import { MiB } from '../../support/sizes.ts';

/** Makes a store with an object `x`. */
function storeOf(content: Uint8Array | string) {
  const root = scratch();
  const file = objectFile(root, 'x');
  writeFileSync(file, content);
  return { root, file };
}

test.each([
  ['a range that ends before it starts', { start: 5, end: 3 }, 5],
  ['a suffix of less than nothing', { suffix: -3 }, 10],
])('a read of %s has no bytes', async (_, range, start) => {
  const found = await readRange(storeOf('0123456789').root, 'x', range);
  expect(found).toMatchObject({ bytes: new Uint8Array(0), start, sizeBytes: 10 });
});

test('a read has the bytes of the version that it has opened, or fails if that is cut short', async () => {
  const { root, file } = storeOf(Buffer.alloc(9 * MiB, 'a'));
  const counts: number[] = [];
  const onBytes = (count: number) => {
    counts.push(count);
    truncateSync(file, 5 * MiB);
  };
  const reading = readRange(root, 'x', { start: 0, end: 9 * MiB }, { onBytes });
  await expect(reading).rejects.toThrow(ObjectReplacedError);
  await expect(reading).rejects.toThrow('x was cut short meanwhile');
  expect(counts).toEqual([4 * MiB, MiB]);
});

test('a read has its bytes although the file cannot be closed without an error', async () => {
  insteadAsync('open', open => async (...options) => {
    const handle = await open(...options);
    const close = handle.close.bind(handle);
    handle.close = () => close().then(() => Promise.reject(failed('EIO')));
    return handle;
  });
  expect(await readRange(storeOf('0123456789').root, 'x', { start: 0, end: 10 })).toMatchObject({
    sizeBytes: 10,
  });
});

test('a read whose file another host of a network mount removes fails as one of a replaced object', async () => {
  insteadAsync('open', open => async (...options) => {
    const handle = await open(...options);
    handle.read = () => Promise.reject(failed('ESTALE'));
    return handle;
  });
  const reading = readRange(storeOf('0123456789').root, 'x', { start: 0, end: 10 });
  await expect(reading).rejects.toThrow(ObjectReplacedError);
  await expect(reading).rejects.toThrow('x was replaced or removed meanwhile');
});

test('a read that is cancelled ends after its current piece', async () => {
  const { root } = storeOf(Buffer.alloc(9 * MiB));
  const controller = new AbortController();
  let read = 0;
  const onBytes = (count: number) => {
    read += count;
    controller.abort(new Error('cancelled'));
  };
  const options = { onBytes, signal: controller.signal };
  await expect(readRange(root, 'x', { suffix: 9 * MiB }, options)).rejects.toThrow('cancelled');
  expect(read).toBe(4 * MiB);
});

test('a read of another version fails without its bytes, and closes the file', async () => {
  const { root, file } = storeOf('one');
  const before = await nextDescriptor(file);
  await expect(readRange(root, 'x', { suffix: 3 }, { etag: 'other' })).rejects.toThrow(
    'x was replaced or removed meanwhile',
  );
  expect(await nextDescriptor(file)).toBe(before);
});

/** Returns the number of the file descriptor that is opened next. */
async function nextDescriptor(file: string): Promise<number> {
  const handle = await open(file);
  const { fd } = handle;
  await handle.close();
  return fd;
}
