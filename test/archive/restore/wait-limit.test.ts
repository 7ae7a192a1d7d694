import { expect, test } from 'vitest';
import { WaitLimit } from '../../../src/archive/restore/wait-limit.ts';

const MB = 1e6;

test('a job that has fetched nothing waits 10 s since the last frame of another, and then fetches one', () => {
  const limit = new WaitLimit();
  limit.addWait(9_999, false);
  expect(limit.nextStep(MB)).toBe('wait');
  limit.addWait(1, true);
  limit.addWait(9_999, false);
  expect(limit.nextStep(MB)).toBe('wait');
  limit.addWait(1, false);
  expect(limit.nextStep(MB)).toBe('fetch one');
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
  limit.addWait(19_999, false);
  expect(limit.nextStep(10 * MB)).toBe('wait');
  limit.addWait(1, false);
  expect(limit.nextStep(10 * MB)).toBe('fetch all');
});

test('a job whose network is fast waits 10 s all the same', () => {
  const limit = new WaitLimit();
  limit.beginFetch(0);
  limit.endFetch(100 * MB, 100);
  limit.addWait(9_999, false);
  expect(limit.nextStep(MB)).toBe('wait');
  limit.addWait(1, false);
  expect(limit.nextStep(MB)).toBe('fetch all');
});

test('the time of fetches that run at once is counted once', () => {
  const limit = new WaitLimit();
  limit.beginFetch(0);
  limit.beginFetch(2_000);
  limit.endFetch(5 * MB, 9_000);
  limit.endFetch(5 * MB, 10_000);
  limit.addWait(19_999, false);
  expect(limit.nextStep(10 * MB)).toBe('wait');
  limit.addWait(1, false);
  expect(limit.nextStep(10 * MB)).toBe('fetch all');
});

test('the time between two fetches, in which a job waits for others, is not time of its fetches', () => {
  const limit = new WaitLimit();
  limit.beginFetch(0);
  limit.endFetch(8 * MB, 100);
  // Another process gives up one of its claims after nine seconds
  limit.addWait(9_000, true);
  limit.beginFetch(9_100);
  limit.endFetch(8 * MB, 9_200);
  limit.addWait(10_999, false);
  expect(limit.nextStep(800 * MB)).toBe('wait');
  limit.addWait(1, false);
  expect(limit.nextStep(800 * MB)).toBe('fetch all');
});
