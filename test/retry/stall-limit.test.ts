import { expect, test } from 'vitest';
import { StallLimit } from '../../src/retry/stall-limit.ts';
import { TimeoutError } from '../../src/retry/time-limits.ts';
import { FakeClock } from './fake-clock.ts';

test('attempts are aborted when they have waited for the limit together', async () => {
  const clock = new FakeClock();
  const limit = new StallLimit(40_000, clock);
  const end = limit.begin();
  await clock.advance(15_000);
  end();
  await clock.advance(100_000);
  limit.begin();
  await clock.advance(24_999);
  expect(limit.signal.aborted).toBe(false);
  await clock.advance(1);
  expect(limit.signal.reason).toEqual(new TimeoutError('no progress within 40 s'));
});

test('received bytes begin the limit anew', async () => {
  const clock = new FakeClock();
  const limit = new StallLimit(40_000, clock);
  limit.begin();
  for (let i = 0; i < 10; i++) {
    await clock.advance(39_000);
    limit.received(64 * 1024);
  }
  await clock.advance(39_999);
  expect(limit.signal.aborted).toBe(false);
  await clock.advance(1);
  expect(limit.signal.aborted).toBe(true);
});

test('a few bytes now and then do not count', async () => {
  const clock = new FakeClock();
  const limit = new StallLimit(40_000, clock);
  limit.begin();
  for (let i = 0; i < 10; i++) {
    await clock.advance(4_000);
    limit.received(1);
  }
  expect(limit.signal.aborted).toBe(true);
});

test('an attempt that ends leaves no timer', async () => {
  const clock = new FakeClock();
  const limit = new StallLimit(40_000, clock);
  limit.begin()();
  expect(clock.waiting).toBe(0);
});

test('sent bytes do not undo the wait of an earlier attempt', async () => {
  const clock = new FakeClock();
  const limit = new StallLimit(40_000, clock);
  const end = limit.begin();
  await clock.advance(15_000);
  end();
  limit.begin();
  for (let i = 0; i < 10; i++) {
    await clock.advance(20_000);
    limit.sent(64 * 1024);
  }
  expect(limit.signal.aborted).toBe(false);
  await clock.advance(25_000);
  expect(limit.signal.aborted).toBe(true);
});

test('the limit starts anew while this process itself keeps the bytes from being read', async () => {
  const clock = new FakeClock();
  const limit = new StallLimit(40_000, clock);
  let isBlocked = true;
  limit.begin(() => isBlocked);
  await clock.advance(100_000);
  expect(limit.signal.aborted).toBe(false);
  isBlocked = false;
  await clock.advance(19_999);
  expect(limit.signal.aborted).toBe(false);
  await clock.advance(1);
  expect(limit.signal.reason).toEqual(new TimeoutError('no progress within 40 s'));
});

test('a server that stops in each attempt after some bytes is given up', async () => {
  const clock = new FakeClock();
  const limit = new StallLimit(40_000, clock);
  for (let i = 0; i < 2; i++) {
    const end = limit.begin();
    limit.received(100 * 1024);
    await clock.advance(15_000);
    end();
  }
  limit.begin();
  limit.received(100 * 1024);
  await clock.advance(10_000);
  expect(limit.signal.aborted).toBe(true);
});

test('a megabyte makes up for the waits of earlier attempts', async () => {
  const clock = new FakeClock();
  const limit = new StallLimit(40_000, clock);
  for (let i = 0; i < 5; i++) {
    const end = limit.begin();
    limit.received(1024 * 1024);
    await clock.advance(39_000);
    end();
  }
  expect(limit.signal.aborted).toBe(false);
});
