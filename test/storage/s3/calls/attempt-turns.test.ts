import { expect, test } from 'vitest';
import { WaitedTime } from '../../../../src/retry/stall-limit.ts';
import { TIME_LIMITS, TimeLimits } from '../../../../src/retry/time-limits.ts';
import { createAttemptTurns } from '../../../../src/storage/s3/calls/attempt-turns.ts';
import type { CallSpec } from '../../../../src/storage/s3/calls/call.ts';
import { createCallLimits } from '../../../../src/storage/s3/calls/call-limits.ts';
import { FakeClock } from '../../../retry/fake-clock.ts';

const SPEC: CallSpec = { operation: 'UploadPart', about: 'x part 1', isTransfer: true };

/** Gives turns by a clock that moves only when the test moves it. */
function turnsOf() {
  const clock = new FakeClock();
  const awaitTurn = createAttemptTurns(clock, TIME_LIMITS.serverWorkMs);
  const timeLimits = new TimeLimits(clock, TIME_LIMITS);
  const limits = createCallLimits(SPEC, false, timeLimits, clock, new WaitedTime());
  const next = (spec = SPEC, signal?: AbortSignal) => awaitTurn(spec, limits, signal);
  /** Returns whether the turn comes within a minute. */
  const comes = async (turn: Promise<unknown>) => {
    let hasCome = false;
    void turn.then(() => {
      hasCome = true;
    });
    await clock.advance(60_000);
    return hasCome;
  };
  return { clock, limits, next, comes };
}

test('transfers of which the server accepts one at a time have their turns one after the other', async () => {
  const { next, comes } = turnsOf();
  const running = await next();
  (await next()).end('overloaded');
  const waiting = next();
  expect(await comes(waiting)).toBe(false);
  running.end();
  expect(await comes(waiting)).toBe(true);
});

test('a failure that is no refusal of too many does not lower the number of transfers at once', async () => {
  const { next, comes } = turnsOf();
  await next();
  for (const kind of ['connection', 'busy', 'down', 'final'] as const) (await next()).end(kind);
  await next();
  expect(await comes(next())).toBe(true);
});

test('calls that are no transfers have their turn beside a transfer, whatever the server accepts', async () => {
  const { next, comes } = turnsOf();
  await next();
  (await next()).end('too-many');
  expect(await comes(next({ operation: 'HeadObject', about: 'x' }))).toBe(true);
});

test('a transfer whose signal is aborted while it waits leaves its place to the next one', async () => {
  const { next, comes } = turnsOf();
  const running = await next();
  (await next()).end('late');
  const stop = new AbortController();
  const cancelled = next(SPEC, stop.signal);
  const following = next();
  stop.abort(new Error('cancelled'));
  await expect(cancelled).rejects.toThrow('cancelled');
  running.end();
  expect(await comes(following)).toBe(true);
});

test('the next turn comes after the wait that the server requests with 503', async () => {
  const { clock, next } = turnsOf();
  (await next()).end('down', 5000);
  const begunMs = clock.now();
  const waiting = next();
  await clock.advance(60_000);
  await waiting;
  expect(clock.now() - begunMs).toBeGreaterThanOrEqual(5000);
});

test('a wait that the server requests counts as a standstill of the call', async () => {
  const { limits, next } = turnsOf();
  (await next()).end('too-many', TIME_LIMITS.stalledMs - 1);
  expect(limits.isStalled).toBe(false);
  const other = turnsOf();
  (await other.next()).end('too-many', TIME_LIMITS.stalledMs);
  expect(other.limits.isStalled).toBe(true);
});
