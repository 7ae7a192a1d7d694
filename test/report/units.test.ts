import { expect, test } from 'vitest';
import { countOf, formatBytes, formatCount, formatDuration, formatRate } from '../../src/report/units.ts';

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1000, '1.0 kB'],
  [279_400_000, '279.4 MB'],
  [999_949_000, '999.9 MB'],
  [999_950_000, '1.0 GB'],
  [1_100_000_000_000, '1.1 TB'],
  [2e15, '2000.0 TB'],
])('%d bytes are formatted as %s', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});

test.each([
  [0, '0.00 s'],
  [348, '0.35 s'],
  [9994, '9.99 s'],
  [9995, '10.0 s'],
  [12_340, '12.3 s'],
  [59_949, '59.9 s'],
  [59_950, '1 min 0 s'],
  [185_000, '3 min 5 s'],
])('%d ms are formatted as %s', (ms, text) => {
  expect(formatDuration(ms)).toBe(text);
});

test('a rate over 0 ms is not infinite', () => {
  expect(formatRate(5000, 0)).toBe('5.0 MB/s');
  expect(formatRate(93_100_000, 1000)).toBe('93.1 MB/s');
});

test('counts are formatted in groups of three digits', () => {
  expect([0, 999, 1000, 111_060, 1_234_567].map(formatCount)).toEqual([
    '0',
    '999',
    '1,000',
    '111,060',
    '1,234,567',
  ]);
});

test('a noun has its plural for every count but one', () => {
  expect([0, 1, 2000].map(count => countOf(count, 'upload'))).toEqual([
    '0 uploads',
    '1 upload',
    '2,000 uploads',
  ]);
});
