import { expect, test } from 'vitest';
import { MIN_PART_BYTES } from '../../../../../src/storage/part-size.ts';
import { copyRanges } from '../../../../../src/storage/s3/write/multipart/copy-part.ts';
import { MiB } from '../../../../support/sizes.ts';

test.each([
  [5 * MiB, 1],
  [32 * MiB, 1],
  [32 * MiB + 1, 2],
  [200 * MiB, 7],
  [800 * MiB, 8],
  [2048 * MiB, 8],
  [4097 * MiB, 17],
  [100_000 * MiB, 391],
])('a range of %i bytes is cut into %i pieces without a gap', (total, count) => {
  const pieces = copyRanges({ start: 7, end: 7 + total });
  expect(pieces).toHaveLength(count);
  let at = 7;
  for (const { start, end } of pieces) {
    expect(start).toBe(at);
    expect(end - start).toBeGreaterThanOrEqual(MIN_PART_BYTES);
    expect(end - start).toBeLessThanOrEqual(256 * MiB);
    at = end;
  }
  expect(at).toBe(7 + total);
});
