import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { WaitQueue } from '../../src/retry/wait-queue.ts';

test('callers are admitted in order of arrival, and the first one shows its need', async () => {
  const queue = new WaitQueue<number, string>();
  const [first, second] = [queue.wait(1, undefined), queue.wait(2, undefined)];
  expect(queue.first).toBe(1);
  queue.admit('one');
  expect(queue.first).toBe(2);
  queue.admit('two');
  expect([await first, await second, queue.first]).toEqual(['one', 'two', undefined]);
});

test('a caller whose signal is aborted while it waits leaves its place to the next', async () => {
  const queue = new WaitQueue<number, string>();
  const reason = new Error('the job was cancelled');
  const controller = new AbortController();
  const [first, second] = [queue.wait(1, controller.signal), queue.wait(2, undefined)];
  controller.abort(reason);
  await expect(first).rejects.toBe(reason);
  expect(queue.first).toBe(2);
  queue.admit('place');
  expect(await second).toBe('place');
});

test('a caller whose signal is aborted already does not wait', async () => {
  const queue = new WaitQueue<number, string>();
  const reason = new Error('the job was cancelled');
  await expect(queue.wait(1, AbortSignal.abort(reason))).rejects.toBe(reason);
  expect(queue.first).toBeUndefined();
});

test('a caller that was admitted leaves no listener on its signal', async () => {
  const queue = new WaitQueue<number, string>();
  const { signal } = new AbortController();
  const turn = queue.wait(1, signal);
  queue.admit('place');
  await turn;
  expect(getEventListeners(signal, 'abort')).toEqual([]);
});
