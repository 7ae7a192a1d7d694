import { expect, test } from 'vitest';
import { release, releaseOwned } from '../../../src/archive/memory/buffers.ts';

test('a released buffer has no bytes', () => {
  const bytes = new Uint8Array(1000).fill(1);
  release(bytes);
  expect(bytes.length).toBe(0);
});

test('bytes that share their memory with others are not released', () => {
  const whole = new Uint8Array(1000).fill(1);
  releaseOwned(whole.subarray(10, 20));
  expect(whole.length).toBe(1000);
  releaseOwned(whole);
  expect(whole.length).toBe(0);
});
