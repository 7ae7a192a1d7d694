import { expect, test } from 'vitest';
import { Patience } from '../../../src/archive/restore/patience.ts';

test('a job that has fetched nothing waits ten seconds after the last frame that came, then fetches one range', () => {
  const patience = new Patience();
  patience.addWait(9000, false);
  expect(patience.verdict(1e9)).toBe('wait');
  patience.addWait(500, true);
  patience.addWait(9000, false);
  expect(patience.verdict(1e9)).toBe('wait');
  patience.addWait(1000, false);
  expect(patience.verdict(1e9)).toBe('fetch one');
});

test('a job that has fetched nothing waits thirty seconds in all, even if frames come', () => {
  const patience = new Patience();
  for (let round = 0; round < 10; round++) patience.addWait(2999, true);
  expect(patience.verdict(1)).toBe('wait');
  patience.addWait(10, true);
  expect(patience.verdict(1)).toBe('fetch one');
});

test('a job waits at most twice the time in which it would fetch the rest itself', () => {
  const patience = new Patience();
  // 100 bytes a ms, by two fetches at once
  patience.addFetch(50_000, 1000, 2000);
  patience.addFetch(50_000, 1000, 2000);
  patience.addWait(19_999, true);
  expect(patience.verdict(1_000_000)).toBe('wait');
  patience.addWait(2, true);
  expect(patience.verdict(1_000_000)).toBe('fetch all');
  // The more is left, the longer it may wait
  expect(patience.verdict(2_000_000)).toBe('wait');
});

test('a job waits ten seconds even for little', () => {
  const patience = new Patience();
  patience.addFetch(1_000_000, 0, 10);
  patience.addWait(9999, false);
  expect(patience.verdict(1)).toBe('wait');
  patience.addWait(2, false);
  expect(patience.verdict(1)).toBe('fetch all');
});
