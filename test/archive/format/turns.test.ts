import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { ENTRIES_A_TURN, forEachInTurns } from '../../../src/archive/format/turns.ts';

const items = Array.from({ length: 3 * ENTRIES_A_TURN + 5 }, (_, index) => index);

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
  await forEachInTurns(items, undefined, () => void count++);
  await watching;
  expect(new Set(seenAt).size).toBeGreaterThan(2);
});

test('forEachInTurns stops with the reason of a signal that is aborted meanwhile', async () => {
  const controller = new AbortController();
  const reason = new Error('the job was cancelled');
  let count = 0;
  const running = forEachInTurns(items, controller.signal, () => void count++);
  controller.abort(reason);
  await expect(running).rejects.toBe(reason);
  expect(count).toBe(ENTRIES_A_TURN);
});
