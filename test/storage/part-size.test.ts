import { expect, test } from 'vitest';
import { partSize, wholeUpTo } from '../../src/storage/part-size.ts';
import { MiB } from '../support/sizes.ts';

test.each([
  ['no value', undefined, 8 * MiB, 16 * MiB],
  ['a value within the limits', 32 * MiB, 32 * MiB, 32 * MiB],
  ['a value below the minimum of S3', 1, 5 * MiB, 5 * MiB],
  ['a value above the limit of memory', 1024 * MiB, 64 * MiB, 64 * MiB],
])('the part size follows upload-chunk-size within its limits: %s', (_, wanted, part, whole) => {
  expect(partSize(wanted)).toBe(part);
  expect(wholeUpTo(wanted)).toBe(whole);
});
