import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { WritesBehind } from '../../../src/archive/save/writes-behind.ts';

function behindCopy(waitingBytes?: number) {
  const copy = Promise.withResolvers<void>();
  const written: string[] = [];
  const write = async (bytes: Uint8Array) => void written.push(Buffer.from(bytes).toString());
  return { copy, written, behind: new WritesBehind(copy.promise, write, waitingBytes) };
}

test('writes do not wait for the copy, and follow it in their order', async () => {
  const { copy, written, behind } = behindCopy();
  await behind.write(Buffer.from('a'));
  await behind.write(Buffer.from('b'));
  expect(written).toEqual([]);
  copy.resolve();
  await setImmediate();
  await behind.write(Buffer.from('c'));
  expect(written).toEqual(['a', 'b', 'c']);
  await behind.write(Buffer.from('d'));
  expect(written).toEqual(['a', 'b', 'c', 'd']);
});

test('the end waits for it', async () => {
  const { copy, written, behind } = behindCopy();
  await behind.write(Buffer.from('a'));
  const flushed = behind.flush();
  await setImmediate();
  expect(written).toEqual([]);
  copy.resolve();
  await flushed;
  expect(written).toEqual(['a']);
});

test('so does a write with which there is too much in memory', async () => {
  const { copy, written, behind } = behindCopy(4);
  await behind.write(Buffer.from('abcd'));
  let hasRoom = false;
  const waits = behind.write(Buffer.from('e')).then(() => {
    hasRoom = true;
  });
  await setImmediate();
  expect(hasRoom).toBe(false);
  copy.resolve();
  await waits;
  expect(written).toEqual(['abcd', 'e']);
});

test('a copy that has failed fails the next write, and nothing is written', async () => {
  const { copy, written, behind } = behindCopy();
  await behind.write(Buffer.from('a'));
  copy.reject(new Error('refused'));
  await setImmediate();
  await expect(behind.write(Buffer.from('b'))).rejects.toThrow('refused');
  await expect(behind.flush()).rejects.toThrow('refused');
  expect(written).toEqual([]);
});
