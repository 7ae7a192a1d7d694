import { beforeEach, describe, expect, test, vi } from 'vitest';
import { createRetryWaits, retry } from '../../src/retry/retry-waits.ts';
import { failureOf } from '../support/failure-of.ts';
import { FakeClock } from './fake-clock.ts';

beforeEach(() => {
  // Jitter in the middle: exactly the waits of the table.
  vi.spyOn(Math, 'random').mockReturnValue(0.5);
});

test('five attempts have waits of 0.25, 0.5, 1 and 2 s between them', () => {
  const waits = createRetryWaits(5);
  expect([1, 2, 3, 4, 5].map(() => waits())).toEqual([250, 500, 1000, 2000, undefined]);
});

test('after a single attempt there is no wait', () => {
  expect(createRetryWaits(1)()).toBeUndefined();
  expect(createRetryWaits(1)(true)).toBeUndefined();
});

test('no wait is longer than 2 s', () => {
  const waits = createRetryWaits(7);
  expect([1, 2, 3, 4, 5, 6].map(() => waits())).toEqual([250, 500, 1000, 2000, 2000, 2000]);
});

test('an attempt that made progress uses up no attempt, and does not lengthen the waits', () => {
  const waits = createRetryWaits(2);
  expect([1, 2, 3].map(() => waits(true))).toEqual([250, 250, 250]);
  expect([waits(), waits(true)]).toEqual([250, undefined]);
});

/** Returns the waits after so many failures of one call. */
function waitsOf(failures: number): (number | undefined)[] {
  const waits = createRetryWaits(failures + 1);
  return Array.from({ length: failures }, () => waits());
}

test.each([
  [1, 0, 188],
  [1, 0.999, 312],
  [2, 0, 375],
  [4, 0.999, 2499],
  [90, 0.5, 2000],
])('the wait after %i failures with random number %f is %i ms', (failures, random, waitMs) => {
  vi.spyOn(Math, 'random').mockReturnValue(random);
  expect(waitsOf(failures).at(-1)).toBe(waitMs);
});

test('the waits of five attempts take less than 4.7 s together', () => {
  vi.spyOn(Math, 'random').mockReturnValue(1);
  const longest = waitsOf(4).reduce<number>((sum, waitMs) => sum + waitMs!, 0);
  expect(longest).toBeLessThan(4700);
});

describe('a repeated call', () => {
  let clock: FakeClock;
  let begunMs: number[];

  beforeEach(() => {
    clock = new FakeClock();
    begunMs = [];
  });

  /** Calls an attempt that fails so many times, at most three times 100 ms apart. Its failures are numbered. */
  const run = (failures: number, signal?: AbortSignal) =>
    retry(
      async () => {
        begunMs.push(clock.now());
        if (begunMs.length <= failures) throw new Error(`failure ${begunMs.length}`);
        return 'done';
      },
      { waitAfter: () => (begunMs.length < 3 ? 100 : undefined), clock, signal },
    );

  test('ends with its first success, after the waits', async () => {
    const call = run(2);
    await clock.advance(1000);
    expect(await call).toBe('done');
    expect(begunMs).toEqual([0, 100, 200]);
  });

  test('rejects with the failure that no wait follows', async () => {
    const failure = failureOf(run(9));
    await clock.advance(1000);
    expect((await failure).message).toBe('failure 3');
    expect(begunMs).toEqual([0, 100, 200]);
  });

  test('rejects with the reason of its signal during a wait, and leaves no timer', async () => {
    const controller = new AbortController();
    const failure = failureOf(run(9, controller.signal));
    await clock.advance(50);
    controller.abort(new Error('cancelled'));
    expect((await failure).message).toBe('cancelled');
    expect([begunMs, clock.waiting]).toEqual([[0], 0]);
  });

  test('rejects with the reason of its signal, not with the failure of an attempt that it ended', async () => {
    const waitAfter = vi.fn(() => 100);
    const signal = AbortSignal.abort(new Error('cancelled'));
    const attempt = () => Promise.reject(new Error('closed'));
    expect((await failureOf(retry(attempt, { waitAfter, clock, signal }))).message).toBe('cancelled');
    expect(waitAfter).not.toHaveBeenCalled();
  });
});
