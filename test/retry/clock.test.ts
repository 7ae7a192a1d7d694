import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { sleep } from '../../src/retry/clock.ts';
import { FakeClock } from './fake-clock.ts';

test('a sleep ends after its time and leaves no listener on its signal', async () => {
  const clock = new FakeClock();
  const { signal } = new AbortController();
  let awake = false;
  const sleeping = sleep(1000, clock, signal).then(() => {
    awake = true;
  });
  await clock.advance(999);
  expect(awake).toBe(false);
  await clock.advance(1);
  await sleeping;
  expect(getEventListeners(signal, 'abort')).toEqual([]);
});

test('an abort ends a sleep at once and clears its timer', async () => {
  const clock = new FakeClock();
  const controller = new AbortController();
  const sleeping = sleep(1000, clock, controller.signal);
  controller.abort(new Error('cancelled'));
  await expect(sleeping).rejects.toThrow('cancelled');
  expect(clock.waiting).toBe(0);
});

test('a sleep with an aborted signal rejects at once', async () => {
  const clock = new FakeClock();
  await expect(sleep(1000, clock, AbortSignal.abort(new Error('cancelled')))).rejects.toThrow('cancelled');
  expect(clock.waiting).toBe(0);
});
