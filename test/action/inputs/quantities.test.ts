import { expect, test } from 'vitest';
import { AGE, SIZE } from '../../../src/action/inputs/quantities.ts';

test.each([
  ['0', 0],
  ['1234', 1234],
  ['500MB', 500_000_000],
  ['2.2MB', 2_200_000],
  ['2.2 mb', 2_200_000],
  ['200GB', 200_000_000_000],
  ['1.5TB', 1_500_000_000_000],
  ['1KiB', 1024],
  ['10GiB', 10 * 2 ** 30],
  [' 7B ', 7],
])('the size %j is %d bytes', (text, bytes) => {
  expect(SIZE.parse(text)).toBe(bytes);
});

test.each([
  '',
  'GB',
  '-1GB',
  '1,5GB',
  '1e9',
  '7d',
  '1PB',
  '9999999TB',
  '1 2GB',
  '0x10',
  '1.GB',
  '1constructor',
])('the text %j is no size', text => {
  expect(SIZE.parse(text)).toBeUndefined();
});

test.each([
  ['30s', 30_000],
  ['90m', 5_400_000],
  ['90min', 5_400_000],
  ['12h', 43_200_000],
  ['7d', 604_800_000],
  ['1.5d', 129_600_000],
  ['4W', 2_419_200_000],
])('the age %j is %d ms', (text, ms) => {
  expect(AGE.parse(text)).toBe(ms);
});

test.each(['', '7', 'd', '7 days', '-7d', '1y', '7MB'])('the text %j is no age', text => {
  expect(AGE.parse(text)).toBeUndefined();
});
