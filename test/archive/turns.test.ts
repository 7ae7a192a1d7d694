import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { forEachInTurns } from '../../src/archive/turns.ts';

const items = Array.from({ length: 100 }, (_, index) => index);

/** Takes a millisecond, as a call to a slow file system may. */
const work = () => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);

test('forEachInTurns calls the action on each item in order', async () => {
  const seen: number[] = [];
  await forEachInTurns(items, undefined, (item, index) => {
    if (item !== index) expect.fail();
    seen.push(item);
  });
  expect(seen).toEqual(items);
});

test('forEachInTurns gives the event loop turns between the items', async () => {
  let count = 0;
  const seenAt: number[] = [];
  const watch = async () => {
    while (count < items.length) {
      await setImmediate();
      seenAt.push(count);
    }
  };
  const watching = watch();
  await forEachInTurns(items, undefined, () => {
    work();
    count++;
  });
  await watching;
  expect(new Set(seenAt).size).toBeGreaterThan(2);
});

test('forEachInTurns stops with the reason of a signal that is aborted meanwhile', async () => {
  const controller = new AbortController();
  const reason = new Error('the job was cancelled');
  let count = 0;
  const running = forEachInTurns(items, controller.signal, () => {
    work();
    count++;
  });
  controller.abort(reason);
  await expect(running).rejects.toBe(reason);
  expect(count).toBeLessThan(items.length);
});

test('forEachInTurns waits for an action that takes turns itself', async () => {
  const seen: number[] = [];
  await forEachInTurns([3, 2, 1], undefined, async item => {
    for (let turn = 0; turn < item; turn++) await setImmediate();
    seen.push(item);
  });
  expect(seen).toEqual([3, 2, 1]);
});
