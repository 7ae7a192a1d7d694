import { expect, test } from 'vitest';
import { TimeLimits, TimeoutError } from '../../src/retry/time-limits.ts';
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
