import { expect, test } from 'vitest';
import { PartsInFlight } from '../../../../../src/storage/s3/write/multipart/parts-in-flight.ts';
import { MiB } from '../../../../support/sizes.ts';

const unsent = (sizeBytes: number) => ({ sizeBytes, sentBytes: 0 });

/** Adds sent parts of these sizes; `land` ends the oldest. */
async function withParts(...sizes: number[]) {
  const parts = new PartsInFlight();
  const landings: (() => void)[] = [];
  for (const size of sizes) {
    await parts.waitForRoom(size);
    const { promise, resolve } = Promise.withResolvers<void>();
    landings.push(resolve);
    parts.add({ sizeBytes: size, sentBytes: size }, promise);
  }
  return { parts, land: () => landings.shift()?.() };
}

/** Whether a promise has settled without waiting for anything else. */
async function hasEnded(promise: Promise<unknown>): Promise<boolean> {
  let ended = false;
  promise.then(() => {
    ended = true;
  });
  await new Promise(setImmediate);
  return ended;
}

test.each<[string, number[], number]>([
  ['a seventh part', [8, 8, 8, 8, 8, 8], 8],
  ['a byte over 128 MiB', [64, 64], 1],
  ['a part over 128 MiB beside another', [8], 200],
])('%s waits until a part in flight has ended', async (_, sizes, next) => {
  const { parts, land } = await withParts(...sizes.map(size => size * MiB));
  const room = parts.waitForRoom(next * MiB);
  expect(await hasEnded(room)).toBe(false);
  land();
  expect(await hasEnded(room)).toBe(true);
});

test('parts of 128 MiB in all, and a larger part alone, have room', async () => {
  const { parts } = await withParts(64 * MiB);
  expect(await hasEnded(parts.waitForRoom(64 * MiB))).toBe(true);
  expect(await hasEnded(new PartsInFlight().waitForRoom(200 * MiB))).toBe(true);
});

test('ended() resolves when no part is in flight', async () => {
  const { parts, land } = await withParts(8, 8);
  const end = parts.waitForAll();
  land();
  expect(await hasEnded(end)).toBe(false);
  land();
  expect(await hasEnded(end)).toBe(true);
});

test('the queue is measured by its unsent bytes, and is full with two parts', async () => {
  const parts = new PartsInFlight();
  expect(parts.queueFill(8 * MiB)).toBe(0);
  const part = unsent(8 * MiB);
  parts.add(part, new Promise(() => {}));
  expect(parts.queueFill(8 * MiB)).toBe(0.5);
  part.sentBytes = 6 * MiB;
  expect(parts.queueFill(8 * MiB)).toBe(0.125);
  parts.add(unsent(8 * MiB), new Promise(() => {}));
  // A part that the server copies
  parts.add(unsent(0), new Promise(() => {}));
  expect(parts.queueFill(8 * MiB)).toBe(0.625);
});

test('the queue is full while no part has room, though all bytes were sent', async () => {
  const { parts, land } = await withParts(8, 8, 8, 8, 8, 8);
  expect(parts.queueFill(8)).toBe(1);
  land();
  await new Promise(setImmediate);
  expect(parts.queueFill(8)).toBe(0);
});
