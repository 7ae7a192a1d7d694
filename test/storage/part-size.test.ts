import { expect, test } from 'vitest';
import { partSize, wholeUpTo } from '../../src/storage/part-size.ts';

const MiB = 1024 * 1024;

test.each([
  ['nothing asked for', undefined, 8 * MiB, 16 * MiB],
  ['what was asked for', 32 * MiB, 32 * MiB, 32 * MiB],
  ['no less than S3 takes', 1, 5 * MiB, 5 * MiB],
  ['no more than fits in memory', 1024 * MiB, 64 * MiB, 64 * MiB],
])('%s', (_, wanted, part, whole) => {
  expect(partSize(wanted)).toBe(part);
  expect(wholeUpTo(wanted)).toBe(whole);
});
