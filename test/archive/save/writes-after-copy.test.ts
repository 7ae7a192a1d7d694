import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { WritesAfterCopy } from '../../../src/archive/save/writes-after-copy.ts';

function duringCopy() {
  const copy = Promise.withResolvers<void>();
  const written: string[] = [];
  const write = async (bytes: Uint8Array) => void written.push(String.fromCharCode(bytes[0]!));
  return { copy, written, writes: new WritesAfterCopy(copy.promise, { write, queueFill: 0 }) };
}

test('writes resolve during the copy, and are passed on after it in their order', async () => {
  const { copy, written, writes } = duringCopy();
  await writes.write(Buffer.from('a'));
  await writes.write(Buffer.from('b'));
  expect(written).toEqual([]);
  copy.resolve();
  await setImmediate();
  await writes.write(Buffer.from('c'));
  expect(written).toEqual(['a', 'b', 'c']);
  await writes.write(Buffer.from('d'));
  expect(written).toEqual(['a', 'b', 'c', 'd']);
});

test('flush waits for the copy', async () => {
  const { copy, written, writes } = duringCopy();
  await writes.write(Buffer.from('a'));
  const flushed = writes.flush();
  await setImmediate();
  expect(written).toEqual([]);
  copy.resolve();
  await flushed;
  expect(written).toEqual(['a']);
});

test('a write waits for the copy when more than 32 MiB are in memory', async () => {
  const { copy, written, writes } = duringCopy();
  await writes.write(Buffer.alloc(32 * 1024 * 1024, 'a'));
  let hasRoom = false;
  const waits = writes.write(Buffer.from('b')).then(() => {
    hasRoom = true;
  });
  await setImmediate();
  expect(hasRoom).toBe(false);
  copy.resolve();
  await waits;
  expect(written).toEqual(['a', 'b']);
});

test('a failed copy fails the next write, and passes no bytes on', async () => {
  const { copy, written, writes } = duringCopy();
  await writes.write(Buffer.from('a'));
  copy.reject(new Error('refused'));
  await setImmediate();
  await expect(writes.write(Buffer.from('b'))).rejects.toThrow('refused');
  await expect(writes.flush()).rejects.toThrow('refused');
  expect(written).toEqual([]);
});
