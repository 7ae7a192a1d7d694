import type { IncomingMessage } from 'node:http';
import { expect, test } from 'vitest';
import type { TimeoutError } from '../../../../src/retry/time-limits.ts';
import { createTimers, NoResponseError } from '../../../../src/storage/s3/transport/timers.ts';
import { FakeClock } from '../../../retry/fake-clock.ts';

/** Makes the limits of one request, by a clock that the test moves. */
function timersOf() {
  const clock = new FakeClock();
  const failures: TimeoutError[] = [];
  const timers = createTimers(clock, error => failures.push(error));
  return { clock, timers, failures, messages: () => failures.map(({ message }) => message) };
}

test('a limit fails after its time with what is missing, unless it is cancelled', async () => {
  const { clock, timers, failures, messages } = timersOf();
  timers.limit(400, 'no connection')();
  timers.limit(1500, 'no response', NoResponseError);
  await clock.advance(1499);
  expect(failures).toEqual([]);
  await clock.advance(1);
  expect(messages()).toEqual(['no response within 1.5 s']);
  expect(failures[0]).toBeInstanceOf(NoResponseError);
});

test('a body may bring 1 KiB a second in each window, and fails with less', async () => {
  const { clock, timers, messages } = timersOf();
  const socket = { bytesRead: 5000 };
  timers.watchRate({ socket } as unknown as IncomingMessage, 10_000);
  for (let window = 0; window < 3; window++) {
    socket.bytesRead += 10_240;
    await clock.advance(10_000);
  }
  expect(messages()).toEqual([]);
  socket.bytesRead += 10_239;
  await clock.advance(10_000);
  expect(messages()).toEqual(['less than 10240 bytes within 10 s']);
});

test('a body gets another window after a standstill of this process', async () => {
  const clock = new FakeClock();
  let lateMs = 3000;
  // As after a standstill: the timer fires late
  const late = {
    now: () => clock.now(),
    after: (ms: number, fire: () => void) => clock.after(ms + lateMs, fire),
  };
  const failures: TimeoutError[] = [];
  const timers = createTimers(late, error => failures.push(error));
  timers.watchRate({ socket: { bytesRead: 0 } } as unknown as IncomingMessage, 10_000);
  lateMs = 0;
  await clock.advance(13_000);
  expect(failures).toEqual([]);
  await clock.advance(10_000);
  expect(failures).toHaveLength(1);
});

test('no limit fails after all are cleared', async () => {
  const { clock, timers, failures } = timersOf();
  timers.limit(1000, 'no connection');
  timers.watchRate({ socket: { bytesRead: 0 } } as unknown as IncomingMessage, 1000);
  timers.clear();
  await clock.advance(60_000);
  expect(failures).toEqual([]);
  expect(clock.waiting).toBe(0);
});
