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
  limit.addFetch(2 * MB, 1_000, 3_000);
  limit.addWait(19_999, false);
  expect(limit.nextStep(10 * MB)).toBe('wait');
  limit.addWait(1, false);
  expect(limit.nextStep(10 * MB)).toBe('fetch all');
});

test('a job whose network is fast waits 10 s all the same', () => {
  const limit = new WaitLimit();
  limit.addFetch(100 * MB, 0, 100);
  limit.addWait(9_999, false);
  expect(limit.nextStep(MB)).toBe('wait');
  limit.addWait(1, false);
  expect(limit.nextStep(MB)).toBe('fetch all');
});

test('fetches at the same time count as one span', () => {
  const limit = new WaitLimit();
  limit.addFetch(5 * MB, 0, 10_000);
  limit.addFetch(5 * MB, 0, 10_000);
  limit.addWait(19_999, false);
  expect(limit.nextStep(10 * MB)).toBe('wait');
  limit.addWait(1, false);
  expect(limit.nextStep(10 * MB)).toBe('fetch all');
});
