import { getEventListeners, once } from 'node:events';
import { setImmediate as nextImmediate } from 'node:timers/promises';
import { MessageChannel } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { sleep, systemClock } from '../../src/retry/clock.ts';
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

test('a time that has passed already calls back without a warning of Node.js', async () => {
  const warnings: Error[] = [];
  const onWarning = (warning: Error) => warnings.push(warning);
  process.on('warning', onWarning);
  await new Promise<void>(resolve => systemClock.after(-0.5, resolve));
  await nextImmediate();
  process.off('warning', onWarning);
  expect(warnings).toEqual([]);
});

test('a callback waits for what arrived while this thread was busy, which may cancel it', async () => {
  const { port1, port2 } = new MessageChannel();
  const started = once(port2, 'message');
  port1.postMessage('the port has started');
  await started;
  // After its immediates Node runs timers, before it receives anything
  await nextImmediate();
  let isLate = false;
  const cancel = systemClock.after(1, () => {
    isLate = true;
  });
  const arrived = once(port2, 'message').then(cancel);
  // Without a turn of the event loop between them: the message has arrived and the timer has expired when this thread goes on
  port1.postMessage('in time');
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
  await arrived;
  await nextImmediate();
  expect(isLate).toBe(false);
  port1.close();
});
