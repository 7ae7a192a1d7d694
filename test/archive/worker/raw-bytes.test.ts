import { expect, test } from 'vitest';
import { RawBytes } from '../../../src/archive/worker/raw-bytes.ts';

test('raw bytes keep what is written when their memory grows', () => {
  const raw = new RawBytes();
  raw.reserve(3).write('one', raw.at);
  raw.at += 3;
  raw.reserve(10_000_000);
  expect(raw.written().toString()).toBe('one');
});

test('data is padded to a block of tar', () => {
  const raw = new RawBytes();
  raw.reserve(3).write('one', raw.at);
  raw.at += 3;
  raw.pad(3);
  expect(raw.at).toBe(512);
  expect(
    raw
      .written()
      .subarray(3)
      .every(byte => byte === 0),
  ).toBe(true);
});
