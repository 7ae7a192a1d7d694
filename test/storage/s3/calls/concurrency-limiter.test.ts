import { expect, test } from 'vitest';
import { ConcurrencyLimiter } from '../../../../src/storage/s3/calls/concurrency-limiter.ts';

const slowDown = { name: 'SlowDown', $metadata: { httpStatusCode: 503 } };

/** Transfers of one limiter, numbered from 0, that end when the test ends them. */
function transfers(limiter: ConcurrencyLimiter) {
  const begun: number[] = [];
  const ends: PromiseWithResolvers<void>[] = [];
  let count = 0;
  return {
    begun,
    begin(signal?: AbortSignal): Promise<void> {
      const number = count++;
      const done = limiter.run(() => {
        begun.push(number);
        ends[number] = Promise.withResolvers<void>();
        return ends[number].promise;
      }, signal);
      done.catch(() => {});
      return done;
    },
    async accept(number: number) {
      ends[number]?.resolve();
      await settle();
    },
    async refuse(number: number, error: unknown = slowDown) {
      ends[number]?.reject(error);
      await settle();
    },
  };
}

const settle = () => new Promise(resolve => setImmediate(resolve));

test('the limiter starts all transfers at once before a refusal', () => {
  const { begin, begun } = transfers(new ConcurrencyLimiter());
  for (let i = 0; i < 40; i++) begin();
  expect(begun).toHaveLength(40);
});

test('after refusals the limiter runs as many transfers as the server accepted, in order of arrival', async () => {
  const { begin, begun, accept, refuse } = transfers(new ConcurrencyLimiter());
  for (let i = 0; i < 6; i++) begin();
  for (const number of [5, 2, 3, 4]) await refuse(number);
  for (let i = 6; i < 9; i++) begin();
  expect(begun).toEqual([0, 1, 2, 3, 4, 5]);
  await accept(1);
  expect(begun.slice(6)).toEqual([6]);
  await accept(0);
  await accept(6);
  expect(begun.slice(6)).toEqual([6, 7, 8]);
});

test.each([
  ['429', { $metadata: { httpStatusCode: 429 } }, 2],
  ['503 of a proxy', { name: 'Unknown', $metadata: { httpStatusCode: 503 } }, 3],
  ['500', { name: 'InternalError', $metadata: { httpStatusCode: 500 } }, 3],
  ['a lost connection', { code: 'ECONNRESET' }, 3],
])('%s', async (_, error, running) => {
  const { begin, begun, refuse } = transfers(new ConcurrencyLimiter());
  for (let i = 0; i < 3; i++) begin();
  await refuse(0, error);
  begin();
  expect(begun.length - 1).toBe(running);
});

test('the limiter runs one transfer at a time where all are refused', async () => {
  const { begin, begun, refuse } = transfers(new ConcurrencyLimiter());
  for (let i = 0; i < 3; i++) begin();
  for (let i = 0; i < 3; i++) await refuse(i);
  begin();
  begin();
  expect(begun).toEqual([0, 1, 2, 3]);
  await refuse(3);
  expect(begun).toEqual([0, 1, 2, 3, 4]);
});

test('the limiter allows one more transfer after sixteen successes in a row', async () => {
  const { begin, begun, accept, refuse } = transfers(new ConcurrencyLimiter());
  begin();
  await refuse(0);
  for (let i = 1; i <= 19; i++) begin();
  for (let i = 1; i < 16; i++) await accept(i);
  expect(begun.at(-1)).toBe(16);
  await accept(16);
  expect(begun.at(-1)).toBe(18);
});

test('a waiting transfer ends with its signal and leaves its place to the next', async () => {
  const { begin, begun, accept, refuse } = transfers(new ConcurrencyLimiter());
  begin();
  begin();
  await refuse(0);
  const controller = new AbortController();
  const waiting = begin(controller.signal);
  begin();
  controller.abort(new Error('cancelled'));
  await expect(waiting).rejects.toThrow('cancelled');
  await accept(1);
  expect(begun).toEqual([0, 1, 3]);
  await expect(begin(controller.signal)).rejects.toThrow('cancelled');
});
