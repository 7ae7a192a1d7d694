import { expect, test } from 'vitest';
import { knownTime } from '../../../src/storage/s3/known-time.ts';

test.each([
  ['Sat, 01 Aug 2026 10:00:00 GMT', Date.UTC(2026, 7, 1, 10)],
  ['2026-08-01T10:00:00.000Z', Date.UTC(2026, 7, 1, 10)],
  [new Date(1), 1],
  ['1970-01-01T00:00:00Z', undefined],
  ['1969-12-31T23:59:59Z', undefined],
  ['+010000-01-01T00:00:00Z', undefined],
  ['yesterday', undefined],
  [new Date(Number.NaN), undefined],
  ['', undefined],
  [undefined, undefined],
])('the time %s of a server is %s', (time, ms) => {
  expect(knownTime(time)).toBe(ms);
});
