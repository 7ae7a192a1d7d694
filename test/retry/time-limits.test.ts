import { expect, test } from 'vitest';
import { anySignal, deadline, delayed, TimeLimits, TimeoutError } from '../../src/retry/time-limits.ts';
import { FakeClock } from './fake-clock.ts';

test('an endpoint that never answered gets little, one that has answered gets time', () => {
  const limits = new TimeLimits(new FakeClock());
  expect(limits.request).toEqual({ connectMs: 2000, idleMs: 4000 });
  limits.answered();
  expect(limits.request).toEqual({ connectMs: 15_000, idleMs: 15_000 });
});

test('all calls together have 9 s for the first answer, counted from the first of them', async () => {
  const clock = new FakeClock();
  const limits = new TimeLimits(clock);
  await clock.advance(60_000);
  const first = limits.callBegins();
  await clock.advance(8000);
  const second = limits.callBegins();
  expect(second).toBe(first);
  await clock.advance(999);
  expect(first?.aborted).toBe(false);
  await clock.advance(1);
  expect(first?.aborted).toBe(true);
  expect(first?.reason).toBeInstanceOf(TimeoutError);
  expect(first?.reason.message).toBe('no answer within 9 s');
});

test('the first answer lifts the limit from calls under way too', async () => {
  const clock = new FakeClock();
  const limits = new TimeLimits(clock);
  const signal = limits.callBegins();
  limits.answered();
  expect(clock.waiting).toBe(0);
  await clock.advance(60_000);
  expect(signal?.aborted).toBe(false);
  expect(limits.callBegins()).toBeUndefined();
});

test('closing lets go of the timer', () => {
  const clock = new FakeClock();
  const limits = new TimeLimits(clock);
  limits.callBegins();
  limits.close();
  expect(clock.waiting).toBe(0);
});

test('a deadline aborts, unless it is cleared', async () => {
  const clock = new FakeClock();
  const kept = deadline(120_000, clock);
  const cleared = deadline(120_000, clock);
  cleared.clear();
  await clock.advance(120_000);
  expect(kept.signal.reason).toEqual(new TimeoutError('not finished within 120 s'));
  expect(cleared.signal.aborted).toBe(false);
});

test('of several signals the first counts', () => {
  const [one, two] = [new AbortController(), new AbortController()];
  expect(anySignal(undefined)).toBeUndefined();
  expect(anySignal(undefined, one.signal)).toBe(one.signal);
  const both = anySignal(one.signal, undefined, two.signal);
  two.abort(new Error('two'));
  expect(both?.reason.message).toBe('two');
});

test('a delayed signal follows with the same reason, unless it is cleared', async () => {
  const clock = new FakeClock();
  const [followed, cleared] = [new AbortController(), new AbortController()];
  const late = delayed(followed.signal, 2000, clock);
  const never = delayed(cleared.signal, 2000, clock);
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

test('a delayed signal follows one that was aborted before, too', async () => {
  const clock = new FakeClock();
  const late = delayed(AbortSignal.abort(new Error('cancelled')), 2000, clock);
  await clock.advance(2000);
  expect(late.signal.reason).toEqual(new Error('cancelled'));
});
