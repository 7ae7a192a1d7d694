import { expect, test } from 'vitest';
import { TIME_LIMITS, TimeLimits, TimeoutError } from '../../src/retry/time-limits.ts';
import { FakeClock } from './fake-clock.ts';

test('limits are short until the endpoint has responded once', () => {
  const limits = new TimeLimits(new FakeClock(), TIME_LIMITS);
  expect(limits.request).toEqual({ connectMs: 2000, idleTimeoutMs: 4000 });
  limits.noteResponse();
  expect(limits.request).toEqual({ connectMs: 15_000, idleTimeoutMs: 15_000 });
});

test('all calls together have 9 s for the first response, counted from the first call', async () => {
  const clock = new FakeClock();
  const limits = new TimeLimits(clock, TIME_LIMITS);
  await clock.advance(60_000);
  const first = limits.beginCall();
  await clock.advance(8000);
  const second = limits.beginCall();
  expect(second).toBe(first);
  await clock.advance(999);
  expect(first?.aborted).toBe(false);
  await clock.advance(1);
  expect(first?.aborted).toBe(true);
  expect(first?.reason).toBeInstanceOf(TimeoutError);
  expect(first?.reason.message).toBe('no response within 9 s');
});

test('the first response lifts the limit from calls under way too', async () => {
  const clock = new FakeClock();
  const limits = new TimeLimits(clock, TIME_LIMITS);
  const signal = limits.beginCall();
  limits.noteResponse();
  expect(clock.waiting).toBe(0);
  await clock.advance(60_000);
  expect(signal?.aborted).toBe(false);
  expect(limits.beginCall()).toBeUndefined();
});

test('closing the limits clears their timer', () => {
  const clock = new FakeClock();
  const limits = new TimeLimits(clock, TIME_LIMITS);
  limits.beginCall();
  limits.close();
  expect(clock.waiting).toBe(0);
});
