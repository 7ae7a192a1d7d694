import { beforeEach, expect, test, vi } from 'vitest';
import { RetryWaits, retryWaitMs } from '../../src/retry/retry-waits.ts';

beforeEach(() => {
  // Jitter in the middle: exactly the waits of the table.
  vi.spyOn(Math, 'random').mockReturnValue(0.5);
});

test('five attempts have waits of 0.25, 0.5, 1 and 2 s between them', () => {
  const waits = new RetryWaits(5);
  expect([1, 2, 3, 4, 5].map(() => waits.next())).toEqual([250, 500, 1000, 2000, undefined]);
});

test('after a single attempt there is no wait', () => {
  expect(new RetryWaits(1).next()).toBeUndefined();
  expect(new RetryWaits(1).next(true)).toBeUndefined();
});

test('no wait is longer than 2 s', () => {
  const waits = new RetryWaits(7);
  expect([1, 2, 3, 4, 5, 6].map(() => waits.next())).toEqual([250, 500, 1000, 2000, 2000, 2000]);
});

test('an attempt that made progress uses up no attempt, and does not lengthen the waits', () => {
  const waits = new RetryWaits(2);
  expect([1, 2, 3].map(() => waits.next(true))).toEqual([250, 250, 250]);
  expect([waits.next(), waits.next(true)]).toEqual([250, undefined]);
});

test.each([
  [1, 0, 188],
  [1, 0.999, 312],
  [2, 0, 375],
  [4, 0.999, 2499],
  [90, 0.5, 2000],
])('the wait after %i failures with random number %f is %i ms', (failures, random, waitMs) => {
  expect(retryWaitMs(failures, random)).toBe(waitMs);
});

test('the waits of five attempts take less than 4.7 s together', () => {
  const longest = [1, 2, 3, 4].reduce((sum, failures) => sum + retryWaitMs(failures, 1), 0);
  expect(longest).toBeLessThan(4700);
});
