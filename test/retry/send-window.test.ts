import { expect, test } from 'vitest';
import { createSendWindow, type WindowPlace } from '../../src/retry/send-window.ts';
import type { RequestResult } from '../../src/retry/wait-queue.ts';
import { MiB } from '../support/sizes.ts';
import { FakeClock } from './fake-clock.ts';

const PART = 8 * MiB;

/** Parts of one window, numbered from 0, that want to be sent at once. */
async function parts(count: number) {
  const clock = new FakeClock();
  const enterWindow = createSendWindow(clock, 25_000);
  const places: WindowPlace[] = [];
  const enter = (signal?: AbortSignal) =>
    enterWindow(PART, signal).then(place => {
      places.push(place);
    });
  for (let i = 0; i < count; i++) void enter();
  await clock.advance(0);
  return {
    clock,
    places,
    enter,
    /** Sends so many of the parts whole. */
    send: (from: number, to: number) => {
      for (const place of places.slice(from, to)) place.countSent(PART);
    },
    end: async (number: number, result: RequestResult) => {
      places[number]!.leave(result);
      await clock.advance(0);
    },
  };
}

test('before the first response two parts are sent at once', async () => {
  const { clock, places, send } = await parts(6);
  expect(places).toHaveLength(2);
  send(0, 2);
  await clock.advance(49_000);
  expect(places).toHaveLength(2);
});

test('after a response that came at once all parts are sent', async () => {
  const { clock, places, send, end } = await parts(6);
  send(0, 2);
  await clock.advance(100);
  await end(0, 'accepted');
  expect(places).toHaveLength(6);
});

test('parts are sent one after the other over a link that takes 18 s for each', async () => {
  const { clock, places, send, end } = await parts(4);
  send(0, 2);
  await clock.advance(36_000);
  await end(0, 'accepted');
  await end(1, 'accepted');
  for (let next = 2; next < 4; next++) {
    expect(places).toHaveLength(next + 1);
    send(next, next + 1);
    await clock.advance(18_000);
    await end(next, 'accepted');
  }
});

test('more parts are sent at once over a link that takes 4 s for each', async () => {
  const { clock, places, send, end } = await parts(20);
  send(0, 2);
  await clock.advance(8000);
  await end(0, 'accepted');
  await end(1, 'accepted');
  // The first one was sent alone
  expect(places.length - 2).toBe(6);
});

test('a part that the link itself holds back does not keep others from being sent', async () => {
  const { clock, places } = await parts(6);
  for (const place of places) place.countSent(MiB);
  await clock.advance(1000);
  expect(places).toHaveLength(4);
  await clock.advance(1000);
  expect(places).toHaveLength(6);
});

test('after a late response parts are sent one at a time', async () => {
  const { clock, places, send, end } = await parts(6);
  send(0, 2);
  await clock.advance(50_000);
  await end(0, 'late');
  expect(places).toHaveLength(2);
  await end(1, 'late');
  expect(places).toHaveLength(3);
});

test('a part that fails leaves its place to the next and does not change the number', async () => {
  const { places, end } = await parts(6);
  await end(0, 'failed');
  expect(places).toHaveLength(3);
});

test('a part that waits ends with its signal, and leaves no timer', async () => {
  const { clock, places, enter, end } = await parts(2);
  const controller = new AbortController();
  const waiting = enter(controller.signal);
  await clock.advance(0);
  controller.abort(new Error('cancelled'));
  await expect(waiting).rejects.toThrow('cancelled');
  await end(0, 'failed');
  await end(1, 'failed');
  expect(places).toHaveLength(2);
  expect(clock.waiting).toBe(0);
});
