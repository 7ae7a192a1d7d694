import { describe, expect, test } from 'vitest';
import { type RetryOptions, retry, retryWaitMs } from '../../src/retry/retry.ts';
import { FakeClock } from './fake-clock.ts';

const busy = () => Object.assign(new Error('busy'), { $metadata: { httpStatusCode: 503 } });
const refused = () => Object.assign(new Error('refused'), { $metadata: { httpStatusCode: 403 } });
/** Jitter in the middle: exactly the waits of the table. */
const random = () => 0.5;

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
      random,
      onRetry: (_, number, waitMs) => retried.push([number, waitMs]),
      ...options,
    },
  );
  result.catch(() => {});
  return { clock, begun, retried, result };
}

test('a success is no retry', async () => {
  const { result, retried, clock } = follow([]);
  expect(await result).toBe('done');
  expect(retried).toEqual([]);
  expect(clock.waiting).toBe(0);
});

test('waits 0.25, 0.5, 1 and 2 s, then gives up with the last failure', async () => {
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

test('ends with the failure after which nobody wants to go on', async () => {
  let asked = 0;
  const { clock, begun, result } = follow([busy, busy, busy], { goOn: () => ++asked < 2 });
  await clock.advance(60_000);
  await expect(result).rejects.toThrow('busy');
  expect(begun).toHaveLength(2);
  expect(clock.waiting).toBe(0);
});

test('ends with the first success', async () => {
  const { clock, begun, result } = follow([busy, busy]);
  await clock.advance(60_000);
  expect(await result).toBe('done');
  expect(begun).toHaveLength(3);
});

test('a final failure ends it at once', async () => {
  const { clock, begun, result } = follow([busy, refused, busy]);
  await clock.advance(60_000);
  await expect(result).rejects.toThrow('refused');
  expect(begun).toHaveLength(2);
});

test('one attempt is one attempt', async () => {
  const { clock, begun, result, retried } = follow([busy], { attempts: 1 });
  await clock.advance(60_000);
  await expect(result).rejects.toThrow('busy');
  expect(begun).toHaveLength(1);
  expect(retried).toEqual([]);
});

test('more attempts wait no longer than 2 s each', async () => {
  const { clock, begun, result } = follow(Array(7).fill(busy), { attempts: 7 });
  await clock.advance(60_000);
  await expect(result).rejects.toThrow('busy');
  expect(begun).toEqual([0, 250, 750, 1750, 3750, 5750, 7750]);
});

describe('a signal', () => {
  test('ends a wait with its reason', async () => {
    const controller = new AbortController();
    const { clock, begun, result } = follow([busy, busy], { signal: controller.signal });
    await clock.advance(100);
    controller.abort(new Error('cancelled'));
    await expect(result).rejects.toThrow('cancelled');
    await clock.advance(60_000);
    expect(begun).toEqual([0]);
    expect(clock.waiting).toBe(0);
  });

  test('that is aborted already lets nothing begin', async () => {
    const { begun, result } = follow([], { signal: AbortSignal.abort(new Error('cancelled')) });
    await expect(result).rejects.toThrow('cancelled');
    expect(begun).toEqual([]);
  });
});

test('attempts that get on do not count', async () => {
  const clock = new FakeClock();
  let attempts = 0;
  const result = retry(
    async () => {
      attempts++;
      if (attempts < 10) throw busy();
      return attempts;
    },
    { attempts: 2, clock, random, madeProgress: () => attempts < 9 },
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
])('after %i failures and a throw of %f: %i ms', (failures, thrown, waitMs) => {
  expect(retryWaitMs(failures, thrown)).toBe(waitMs);
});

test('all waits of five attempts stay under 4.7 s', () => {
  const longest = [1, 2, 3, 4].reduce((sum, failures) => sum + retryWaitMs(failures, 1), 0);
  expect(longest).toBeLessThan(4700);
});
