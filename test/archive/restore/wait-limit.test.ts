import { expect, test } from 'vitest';
import { WaitLimit } from '../../../src/archive/restore/wait-limit.ts';

const MB = 1e6;

/** Expects that a job waits until `ms` are over, and then does the other thing. */
function expectWait(limit: WaitLimit, ms: number, left: number, then: 'fetch one' | 'fetch all'): void {
  limit.addWait(ms - 1, false);
  expect(limit.nextStep(left)).toBe('wait');
  limit.addWait(1, false);
  expect(limit.nextStep(left)).toBe(then);
}

test('a job that has fetched nothing waits 10 s since the last frame of another, and then fetches one', () => {
  const limit = new WaitLimit();
  limit.addWait(9_999, false);
  expect(limit.nextStep(MB)).toBe('wait');
  limit.addWait(1, true);
  expectWait(limit, 10_000, MB, 'fetch one');
});

test('a job that has fetched nothing waits 30 s in all', () => {
  const limit = new WaitLimit();
  for (let i = 0; i < 6; i++) limit.addWait(5_000, true);
  expect(limit.nextStep(MB)).toBe('fetch one');
});

test('a job that has fetched waits twice as long as it would fetch the rest', () => {
  const limit = new WaitLimit();
  // 1 MB a second
  limit.beginFetch(1_000);
  limit.endFetch(2 * MB, 3_000);
  expectWait(limit, 20_000, 10 * MB, 'fetch all');
});

test('a job whose network is fast waits 10 s all the same', () => {
  const limit = new WaitLimit();
  limit.beginFetch(0);
  limit.endFetch(100 * MB, 100);
  expectWait(limit, 10_000, MB, 'fetch all');
});

test('the time of fetches that run at once is counted once', () => {
  const limit = new WaitLimit();
  limit.beginFetch(0);
  limit.beginFetch(2_000);
  limit.endFetch(5 * MB, 9_000);
  limit.endFetch(5 * MB, 10_000);
  expectWait(limit, 20_000, 10 * MB, 'fetch all');
});

test('the time between two fetches, in which a job waits for others, is not time of its fetches', () => {
  const limit = new WaitLimit();
  limit.beginFetch(0);
  limit.endFetch(8 * MB, 100);
  // Another process gives up one of its claims after nine seconds
  limit.addWait(9_000, true);
  limit.beginFetch(9_100);
  limit.endFetch(8 * MB, 9_200);
  expectWait(limit, 11_000, 800 * MB, 'fetch all');
});
