import { expect, test } from 'vitest';
import { ConcurrencyLimiter } from '../../src/retry/concurrency-limiter.ts';
import type { RequestResult } from '../../src/retry/wait-queue.ts';

/** Transfers of one limiter, numbered from 0. */
function transfers() {
  const limiter = new ConcurrencyLimiter();
  const begun: number[] = [];
  let count = 0;
  return {
    begun,
    async begin(signal?: AbortSignal): Promise<void> {
      const number = count++;
      await limiter.enter(signal);
      begun.push(number);
    },
    async end(result: RequestResult, times = 1) {
      for (let i = 0; i < times; i++) limiter.leave(result);
      await settle();
    },
  };
}

const settle = () => new Promise(resolve => setImmediate(resolve));

test('the limiter starts all transfers at once before a refusal', async () => {
  const { begin, begun } = transfers();
  for (let i = 0; i < 40; i++) void begin();
  await settle();
  expect(begun).toHaveLength(40);
});

test('after refusals the limiter runs as many transfers as the server accepted, in order of arrival', async () => {
  const { begin, begun, end } = transfers();
  for (let i = 0; i < 6; i++) void begin();
  await end('refused', 4);
  for (let i = 6; i < 9; i++) void begin();
  await settle();
  expect(begun).toEqual([0, 1, 2, 3, 4, 5]);
  await end('accepted');
  expect(begun.slice(6)).toEqual([6]);
  await end('accepted', 2);
  expect(begun.slice(6)).toEqual([6, 7, 8]);
});

test('a transfer that fails for another reason does not lower the limit', async () => {
  const { begin, begun, end } = transfers();
  for (let i = 0; i < 3; i++) void begin();
  await end('failed');
  void begin();
  void begin();
  await settle();
  expect(begun).toEqual([0, 1, 2, 3, 4]);
});

test('the limiter runs one transfer at a time where all are refused', async () => {
  const { begin, begun, end } = transfers();
  for (let i = 0; i < 3; i++) void begin();
  await end('refused', 3);
  void begin();
  void begin();
  await settle();
  expect(begun).toEqual([0, 1, 2, 3]);
  await end('refused');
  expect(begun).toEqual([0, 1, 2, 3, 4]);
});

test('the limiter allows one more transfer after sixteen successes in a row', async () => {
  const { begin, begun, end } = transfers();
  void begin();
  await end('refused');
  for (let i = 1; i <= 19; i++) void begin();
  for (let i = 1; i < 16; i++) await end('accepted');
  expect(begun.at(-1)).toBe(16);
  await end('accepted');
  expect(begun.at(-1)).toBe(18);
});

test('a waiting transfer ends with its signal and leaves its place to the next', async () => {
  const { begin, begun, end } = transfers();
  void begin();
  void begin();
  await end('refused');
  const controller = new AbortController();
  const waiting = begin(controller.signal);
  void begin();
  controller.abort(new Error('cancelled'));
  await expect(waiting).rejects.toThrow('cancelled');
  await end('accepted');
  expect(begun).toEqual([0, 1, 3]);
  await expect(begin(controller.signal)).rejects.toThrow('cancelled');
});
