import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { anySignal, deadline, delaySignal, raceSignal } from '../../src/retry/signals.ts';
import { TimeoutError } from '../../src/retry/time-limits.ts';
import { FakeClock } from './fake-clock.ts';

test('a deadline aborts its signal unless it is cleared', async () => {
  const clock = new FakeClock();
  const kept = deadline(120_000, clock);
  const cleared = deadline(120_000, clock);
  cleared.clear();
  await clock.advance(120_000);
  expect(kept.signal.reason).toEqual(new TimeoutError('not finished within 120 s'));
  expect(cleared.signal.aborted).toBe(false);
});

test('a combined signal aborts with the first of its signals', () => {
  const [one, two] = [new AbortController(), new AbortController()];
  expect(anySignal(undefined)).toBeUndefined();
  expect(anySignal(undefined, one.signal)).toBe(one.signal);
  const both = anySignal(one.signal, undefined, two.signal);
  two.abort(new Error('two'));
  expect(both?.reason.message).toBe('two');
});

test('a delayed signal aborts with the same reason unless it is cleared', async () => {
  const clock = new FakeClock();
  const [followed, cleared] = [new AbortController(), new AbortController()];
  const late = delaySignal(followed.signal, 2000, clock);
  const never = delaySignal(cleared.signal, 2000, clock);
  await clock.advance(5000);
  expect(late.signal.aborted).toBe(false);
  followed.abort(new Error('cancelled'));
  cleared.abort(new Error('cancelled'));
  never.clear();
  await clock.advance(1999);
  expect(late.signal.aborted).toBe(false);
  await clock.advance(1);
  expect(late.signal.reason).toEqual(new Error('cancelled'));
  expect(never.signal.aborted).toBe(false);
});

test('a delayed signal that is cleared before the abort starts no timer', async () => {
  const clock = new FakeClock();
  const controller = new AbortController();
  delaySignal(controller.signal, 2000, clock).clear();
  controller.abort();
  expect(clock.waiting).toBe(0);
});

test('a delayed signal also follows a signal that is already aborted', async () => {
  const clock = new FakeClock();
  const late = delaySignal(AbortSignal.abort(new Error('cancelled')), 2000, clock);
  await clock.advance(2000);
  expect(late.signal.reason).toEqual(new Error('cancelled'));
});

test('waiting for work ends when the signal is aborted', async () => {
  const controller = new AbortController();
  const { signal } = controller;
  const work = Promise.withResolvers<string>();
  const waiting = raceSignal(work.promise, signal);
  expect(await raceSignal(Promise.resolve('done'), signal)).toBe('done');
  await expect(raceSignal(Promise.reject(new Error('failed')), signal)).rejects.toThrow('failed');
  // Only the one that still waits has a listener
  expect(getEventListeners(signal, 'abort')).toHaveLength(1);
  controller.abort(new Error('cancelled'));
  await expect(waiting).rejects.toThrow('cancelled');
  await expect(raceSignal(work.promise, signal)).rejects.toThrow('cancelled');
  // An unhandled rejection would end the test run
  work.reject(new Error('too late'));
});
