import { beforeEach, describe, expect, test, vi } from 'vitest';
import { type RetryOptions, retry, retryWaitMs } from '../../src/retry/retry.ts';
import { FakeClock } from './fake-clock.ts';

const busy = () => new Error('busy');
const refused = () => new Error('refused');
const isRetryable = (error: Error) => error.message === 'busy';

beforeEach(() => {
  // Jitter in the middle: exactly the waits of the table.
  vi.spyOn(Math, 'random').mockReturnValue(0.5);
});

/** Follows an operation that fails `failures` times: when each attempt began, and how it ended. */
function follow(failures: (() => Error)[], options: Partial<RetryOptions> = {}) {
  const clock = new FakeClock();
  const begun: number[] = [];
  const retried: [number, number][] = [];
  const result = retry(
    async number => {
      expect(number).toBe(begun.length + 1);
      begun.push(clock.now());
      const failure = failures[begun.length - 1];
      if (failure) throw failure();
      return 'done';
    },
    {
      attempts: 5,
      clock,
      isRetryable,
      onRetry: (_, number, waitMs) => retried.push([number, waitMs]),
      ...options,
    },
  );
  result.catch(() => {});
  return { clock, begun, retried, result };
}

test('retry calls a successful attempt once', async () => {
  const { result, retried, clock } = follow([]);
  expect(await result).toBe('done');
  expect(retried).toEqual([]);
  expect(clock.waiting).toBe(0);
});

test('retry waits 0.25, 0.5, 1 and 2 s, then gives up with the last failure', async () => {
  const { clock, begun, retried, result } = follow([busy, busy, busy, busy, busy, busy]);
  await clock.advance(60_000);
  await expect(result).rejects.toThrow('busy');
  expect(begun).toEqual([0, 250, 750, 1750, 3750]);
  expect(retried).toEqual([
    [1, 250],
    [2, 500],
    [3, 1000],
    [4, 2000],
  ]);
});

test('retry ends with the first failure that is not retryable', async () => {
  let failures = 0;
  const { clock, begun, result } = follow([busy, busy, busy], { isRetryable: () => ++failures < 2 });
  await clock.advance(60_000);
  await expect(result).rejects.toThrow('busy');
  expect(begun).toHaveLength(2);
  expect(clock.waiting).toBe(0);
});

test('retry ends with the first success', async () => {
  const { clock, begun, result } = follow([busy, busy]);
  await clock.advance(60_000);
  expect(await result).toBe('done');
  expect(begun).toHaveLength(3);
});

test('a failure that is not retryable ends retry without a wait', async () => {
  const { clock, begun, result } = follow([busy, refused, busy]);
  await clock.advance(60_000);
  await expect(result).rejects.toThrow('refused');
  expect(begun).toHaveLength(2);
});

test('retry with one attempt does not repeat it', async () => {
  const { clock, begun, result, retried } = follow([busy], { attempts: 1 });
  await clock.advance(60_000);
  await expect(result).rejects.toThrow('busy');
  expect(begun).toHaveLength(1);
  expect(retried).toEqual([]);
});

test('no wait of retry is longer than 2 s', async () => {
  const { clock, begun, result } = follow(Array(7).fill(busy), { attempts: 7 });
  await clock.advance(60_000);
  await expect(result).rejects.toThrow('busy');
  expect(begun).toEqual([0, 250, 750, 1750, 3750, 5750, 7750]);
});

describe('an aborted signal', () => {
  test('ends the wait of a retry with its reason', async () => {
    const controller = new AbortController();
    const { clock, begun, result } = follow([busy, busy], { signal: controller.signal });
    await clock.advance(100);
    controller.abort(new Error('cancelled'));
    await expect(result).rejects.toThrow('cancelled');
    await clock.advance(60_000);
    expect(begun).toEqual([0]);
    expect(clock.waiting).toBe(0);
  });

  test('lets no attempt of a retry begin', async () => {
    const { begun, result } = follow([], { signal: AbortSignal.abort(new Error('cancelled')) });
    await expect(result).rejects.toThrow('cancelled');
    expect(begun).toEqual([]);
  });
});

test('attempts that made progress do not count against the limit of retry', async () => {
  const clock = new FakeClock();
  let attempts = 0;
  const result = retry(
    async () => {
      attempts++;
      if (attempts < 10) throw busy();
      return attempts;
    },
    { attempts: 2, clock, isRetryable, madeProgress: () => attempts < 9 },
  );
  await clock.advance(60_000);
  expect(await result).toBe(10);
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
