import { expect, test } from 'vitest';
import { createStallLimit, WaitedTime } from '../../src/retry/stall-limit.ts';
import { TimeoutError } from '../../src/retry/time-limits.ts';
import { FakeClock } from './fake-clock.ts';

/** Makes a clock, a sum of waits, and limits of calls that share both. */
function arrange() {
  const clock = new FakeClock();
  const waited = new WaitedTime();
  const newLimit = () => createStallLimit(40_000, clock, waited);
  return { clock, waited, newLimit, limit: newLimit() };
}

test('attempts are aborted when they have waited for the limit together', async () => {
  const { clock, limit } = arrange();
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

test('waits that the server requests count before they begin, and once where several calls wait', async () => {
  const { clock, waited, limit, newLimit } = arrange();
  const other = newLimit();
  limit.countRequestedWait(20_000);
  await clock.advance(10_000);
  other.countRequestedWait(20_000);
  expect(waited.ms).toBe(30_000);
  await clock.advance(20_000);
  limit.begin()();
  limit.countRequestedWait(9_999);
  expect(limit.signal.aborted).toBe(false);
  await clock.advance(9_999);
  limit.countRequestedWait(2_001);
  expect(limit.signal.reason).toEqual(new TimeoutError('no progress within 40 s'));
});

test('waits that the server requests of two slow calls at the same time count once', async () => {
  const { clock, waited, limit, newLimit } = arrange();
  const other = newLimit();
  const ends = [limit.begin(), other.begin()];
  await clock.advance(3_000);
  ends[0]?.();
  limit.countRequestedWait(20_000);
  ends[1]?.();
  other.countRequestedWait(20_000);
  expect(waited.ms).toBe(23_000);
  expect(other.signal.aborted).toBe(false);
});

test('received bytes begin the limit anew', async () => {
  const { clock, limit } = arrange();
  limit.begin();
  for (let i = 0; i < 10; i++) {
    await clock.advance(39_000);
    limit.countCompleted(64 * 1024);
  }
  await clock.advance(39_999);
  expect(limit.signal.aborted).toBe(false);
  await clock.advance(1);
  expect(limit.signal.aborted).toBe(true);
});

test('a few bytes now and then do not count', async () => {
  const { clock, limit } = arrange();
  limit.begin();
  for (let i = 0; i < 10; i++) {
    await clock.advance(4_000);
    limit.countCompleted(1);
  }
  expect(limit.signal.aborted).toBe(true);
});

test('an attempt that ends leaves no timer', async () => {
  const { clock, limit } = arrange();
  limit.begin()();
  expect(clock.waiting).toBe(0);
});

test('sent bytes do not undo the wait of an earlier attempt', async () => {
  const { clock, limit } = arrange();
  const end = limit.begin();
  await clock.advance(15_000);
  end();
  limit.begin();
  for (let i = 0; i < 10; i++) {
    await clock.advance(20_000);
    limit.countSent(64 * 1024);
  }
  expect(limit.signal.aborted).toBe(false);
  await clock.advance(25_000);
  expect(limit.signal.aborted).toBe(true);
});

test('the limit starts anew while this process itself keeps the bytes from being read', async () => {
  const { clock, limit } = arrange();
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
  const { clock, limit } = arrange();
  for (let i = 0; i < 2; i++) {
    const end = limit.begin();
    limit.countCompleted(100 * 1024);
    await clock.advance(15_000);
    end();
  }
  limit.begin();
  limit.countCompleted(100 * 1024);
  await clock.advance(10_000);
  expect(limit.signal.aborted).toBe(true);
});

test('a megabyte makes up for the waits of earlier attempts', async () => {
  const { clock, limit } = arrange();
  for (let i = 0; i < 5; i++) {
    const end = limit.begin();
    limit.countCompleted(1024 * 1024);
    await clock.advance(39_000);
    end();
  }
  expect(limit.signal.aborted).toBe(false);
});

test('a call waits no longer than the calls before it have left of the limit', async () => {
  const { clock, newLimit } = arrange();
  const end = newLimit().begin();
  await clock.advance(30_000);
  end();
  const second = newLimit();
  second.begin();
  await clock.advance(9_999);
  expect(second.signal.aborted).toBe(false);
  await clock.advance(1);
  expect(second.signal.aborted).toBe(true);
});

test('calls that wait at the same time wait once', async () => {
  const { clock, waited, newLimit } = arrange();
  const ends = [1, 2].map(() => newLimit().begin());
  await clock.advance(15_000);
  for (const end of ends) end();
  expect(waited.ms).toBe(15_000);
});

test('short waits do not add up, so a listing may have many pages', async () => {
  const { clock, waited, newLimit } = arrange();
  for (let page = 0; page < 100; page++) {
    const end = newLimit().begin();
    await clock.advance(2_000);
    end();
  }
  expect(waited.ms).toBe(0);
});

test('a stalled call is not kept alive by the bytes of another one', async () => {
  const { clock, limit: stalled, newLimit } = arrange();
  const moving = newLimit();
  stalled.begin();
  moving.begin();
  for (let i = 0; i < 4; i++) {
    await clock.advance(10_000);
    moving.countCompleted(1024 * 1024);
  }
  expect([stalled.signal.aborted, moving.signal.aborted]).toEqual([true, false]);
});

test('only a part that was accepted makes up for the waits before it', async () => {
  const { clock, waited, newLimit } = arrange();
  const end = newLimit().begin();
  await clock.advance(35_000);
  end();
  const limit = newLimit();
  limit.begin();
  limit.countSent(1024 * 1024);
  expect(waited.ms).toBe(35_000);
  limit.countCompleted(1024 * 1024);
  expect(waited.ms).toBe(0);
});
