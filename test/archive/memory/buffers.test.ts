import { expect, test } from 'vitest';
import { release, releaseOwned, shrink } from '../../../src/archive/memory/buffers.ts';

test('released memory reads as nothing', () => {
  const bytes = new Uint8Array(1000).fill(1);
  release(bytes);
  expect(bytes.length).toBe(0);
});

test('a piece of larger memory is not released', () => {
  const whole = new Uint8Array(1000).fill(1);
  releaseOwned(whole.subarray(10, 20));
  expect(whole.length).toBe(1000);
  releaseOwned(whole);
  expect(whole.length).toBe(0);
});

test('what is shrunk has memory of just its size', () => {
  const shrunk = shrink(new Uint8Array(1000).fill(7).subarray(0, 10));
  expect(shrunk.buffer.byteLength).toBe(10);
  expect([...shrunk]).toEqual(Array(10).fill(7));
});
