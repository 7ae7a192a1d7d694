import { expect, test } from 'vitest';
import { ConcurrencyLimiter } from '../../../../src/storage/s3/calls/concurrency-limiter.ts';

const slowDown = { name: 'SlowDown', $metadata: { httpStatusCode: 503 } };

/** Transfers of one pace, numbered from 0, that end when the test says so. */
function transfers(pace: ConcurrencyLimiter) {
  const begun: number[] = [];
  const ends: PromiseWithResolvers<void>[] = [];
  let count = 0;
  return {
    begun,
    begin(signal?: AbortSignal): Promise<void> {
      const number = count++;
      const done = pace.run(() => {
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

test('nothing waits before a refusal', () => {
  const { begin, begun } = transfers(new ConcurrencyLimiter());
  for (let i = 0; i < 40; i++) begin();
  expect(begun).toHaveLength(40);
});

test('after refusals as many run as the server took, in order of arrival', async () => {
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

test('where all are refused one is left at a time', async () => {
  const { begin, begun, refuse } = transfers(new ConcurrencyLimiter());
  for (let i = 0; i < 3; i++) begin();
  for (let i = 0; i < 3; i++) await refuse(i);
  begin();
  begin();
  expect(begun).toEqual([0, 1, 2, 3]);
  await refuse(3);
  expect(begun).toEqual([0, 1, 2, 3, 4]);
});

test('sixteen that are accepted in a row make room for one more', async () => {
  const { begin, begun, accept, refuse } = transfers(new ConcurrencyLimiter());
  begin();
  await refuse(0);
  for (let i = 1; i <= 19; i++) begin();
  for (let i = 1; i < 16; i++) await accept(i);
  expect(begun.at(-1)).toBe(16);
  await accept(16);
  expect(begun.at(-1)).toBe(18);
});

test('who waits is let go by the signal, and leaves the turn to the next', async () => {
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
