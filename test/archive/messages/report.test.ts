import { beforeEach, expect, test, vi } from 'vitest';
import { collectBytes } from '../../../src/archive/messages/report.ts';

let reports: number[];
beforeEach(() => {
  reports = [];
  vi.useFakeTimers();
  return () => void vi.useRealTimers();
});
const collect = (atOnce?: number) => collectBytes(bytes => reports.push(bytes), atOnce);

test('bytes are reported together 200 ms after the first of them', () => {
  const bytes = collect();
  bytes.add(1);
  vi.advanceTimersByTime(150);
  bytes.add(2);
  vi.advanceTimersByTime(49);
  expect(reports).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(reports).toEqual([3]);
  vi.advanceTimersByTime(1000);
  expect(reports).toEqual([3]);
  bytes.add(4);
  vi.advanceTimersByTime(200);
  expect(reports).toEqual([3, 4]);
});

test('bytes are reported at once when there are enough of them, and only once', () => {
  const bytes = collect(10);
  bytes.add(9);
  expect(reports).toEqual([]);
  bytes.add(1);
  expect(reports).toEqual([10]);
  vi.advanceTimersByTime(1000);
  expect(reports).toEqual([10]);
});

test('the end of a request returns the bytes that were not reported, and they are not reported later', () => {
  const bytes = collect();
  bytes.add(2);
  bytes.add(3);
  expect([bytes.end(), bytes.end()]).toEqual([5, 0]);
  vi.advanceTimersByTime(1000);
  expect(reports).toEqual([]);
});
