import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { watchIdleTimeout } from '../../../../src/storage/s3/transport/idle-timeout.ts';
import { FakeClock } from '../../../retry/fake-clock.ts';

/** A connected socket whose own timer the test fires. */
class QuietSocket extends EventEmitter {
  bytesRead = 0;
  bytesWritten = 0;
  writableLength = 0;
  setTimeout() {}
}

/** Lets `steps` steps of 1 s pass without a byte on a socket that is idle after 5 s. */
async function idleFor(steps: number) {
  const clock = new FakeClock();
  const socket = new QuietSocket();
  let isIdle = false;
  const cancel = watchIdleTimeout(socket as unknown as Socket, 5000, clock, () => {
    isIdle = true;
  });
  for (let step = 0; step < steps; step++) {
    await clock.advance(1000);
    socket.emit('timeout');
  }
  return { clock, socket, cancel, isIdle: () => isIdle };
}

test('a socket without a byte is idle when the limit has passed', async () => {
  const before = await idleFor(4);
  await before.clock.advance(0);
  expect(before.isIdle()).toBe(false);
  const after = await idleFor(5);
  await after.clock.advance(0);
  expect(after.isIdle()).toBe(true);
});

test('a socket is not idle if bytes are read right after the limit has passed', async () => {
  const { clock, socket, isIdle } = await idleFor(5);
  socket.bytesRead = 1;
  await clock.advance(0);
  expect(isIdle()).toBe(false);
});

test('a watch that ends right after the limit has passed does not report an idle socket', async () => {
  const { clock, cancel, isIdle } = await idleFor(5);
  cancel();
  await clock.advance(0);
  expect(isIdle()).toBe(false);
  expect(clock.waiting).toBe(0);
});
