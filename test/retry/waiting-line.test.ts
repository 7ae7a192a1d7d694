import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { WaitingLine } from '../../src/retry/waiting-line.ts';

test('callers are admitted in order of arrival, and the first one shows its need', async () => {
  const line = new WaitingLine<number, string>();
  const [first, second] = [line.turn(1, undefined), line.turn(2, undefined)];
  expect(line.first).toBe(1);
  line.admit('one');
  expect(line.first).toBe(2);
  line.admit('two');
  expect([await first, await second, line.first]).toEqual(['one', 'two', undefined]);
});

test('a caller whose signal is aborted while it waits leaves its place to the next', async () => {
  const line = new WaitingLine<number, string>();
  const reason = new Error('the job was cancelled');
  const controller = new AbortController();
  const [first, second] = [line.turn(1, controller.signal), line.turn(2, undefined)];
  controller.abort(reason);
  await expect(first).rejects.toBe(reason);
  expect(line.first).toBe(2);
  line.admit('place');
  expect(await second).toBe('place');
});

test('a caller whose signal is aborted already does not wait', async () => {
  const line = new WaitingLine<number, string>();
  const reason = new Error('the job was cancelled');
  await expect(line.turn(1, AbortSignal.abort(reason))).rejects.toBe(reason);
  expect(line.first).toBeUndefined();
});

test('a caller that was admitted leaves no listener on its signal', async () => {
  const line = new WaitingLine<number, string>();
  const { signal } = new AbortController();
  const turn = line.turn(1, signal);
  line.admit('place');
  await turn;
  expect(getEventListeners(signal, 'abort')).toEqual([]);
});
