import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { WaitedTime } from '../../../../src/retry/stall-limit.ts';
import { TIME_LIMITS, TimeLimits } from '../../../../src/retry/time-limits.ts';
import { Attempts } from '../../../../src/storage/s3/calls/attempts.ts';
import type { CallSpec } from '../../../../src/storage/s3/calls/call.ts';
import { CallLimits } from '../../../../src/storage/s3/calls/call-limits.ts';
import { FakeClock } from '../../../retry/fake-clock.ts';
import { recordingLog } from '../../../support/requests.ts';

const SPEC: CallSpec = { operation: 'UploadPart', about: 'x part 1', transfer: true };

/** Makes attempts by a clock that moves only when the test moves it. */
function attemptsOf() {
  const clock = new FakeClock();
  const log = recordingLog();
  const counters = { requests: 0 };
  const attempts = new Attempts(log, clock, counters, TIME_LIMITS.serverWorkMs);
  const make = <T>(
    send: Parameters<typeof attempts.make<T>>[1]['send'],
    { check = () => {}, spec = SPEC } = {},
  ) => {
    const waited = new WaitedTime();
    const limits = new CallLimits(spec, false, { limits: new TimeLimits(clock, TIME_LIMITS), clock, waited });
    return attempts.make(spec, { limits, signal: undefined, check, send });
  };
  return { clock, log, counters, make };
}

/** Makes the error of a response with this status. */
const refusal = (status: number) =>
  Object.assign(new Error(`status ${status}`), { name: 'SlowDown', $metadata: { httpStatusCode: status } });

test('an attempt that need not be sent any more is not sent, and frees its place', async () => {
  const { make, counters, log, clock } = attemptsOf();
  // From here on one transfer at a time
  const lone = make(() => Promise.reject(refusal(503)));
  await expect(lone).rejects.toThrow('status 503');
  await clock.advance(60_000);
  const check = () => {
    throw new Error('the endpoint was given up');
  };
  await expect(make(async () => 'sent', { check })).rejects.toThrow('the endpoint was given up');
  const next = make(async () => 'sent');
  await clock.advance(60_000);
  expect(await next).toBe('sent');
  expect(counters.requests).toBe(2);
  expect(log.lines).toHaveLength(2);
});

test('transfers of which the server accepts one at a time are sent one after the other', async () => {
  const { make, clock } = attemptsOf();
  const first = Promise.withResolvers<string>();
  const running = make(() => first.promise);
  await expect(make(() => Promise.reject(refusal(503)))).rejects.toThrow('status 503');
  let isSent = false;
  const next = make(async () => {
    isSent = true;
  });
  await clock.advance(60_000);
  expect(isSent).toBe(false);
  first.resolve('done');
  await running;
  await clock.advance(60_000);
  await next;
  expect(isSent).toBe(true);
});

test('calls that are no transfers are sent beside a transfer, whatever the server accepts', async () => {
  const { make, clock } = attemptsOf();
  const running = make(() => new Promise<never>(() => {}));
  running.catch(() => {});
  await expect(make(() => Promise.reject(refusal(503)))).rejects.toThrow('status 503');
  const head = make(async () => 'a response', { spec: { operation: 'HeadObject', about: 'x' } });
  await clock.advance(60_000);
  expect(await head).toBe('a response');
});

test('each attempt has one line of the debug log, with the status or the failure and the time', async () => {
  const { make, log, clock } = attemptsOf();
  const answered = make(async onResponse => {
    onResponse({ status: 200, reason: 'OK', headers: {}, body: Readable.from([]) });
    await clock.advance(1234);
  });
  await answered;
  const reset = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
  await expect(make(() => Promise.reject(reset))).rejects.toThrow(reset);
  expect(log.lines).toEqual([
    'debug: s3 UploadPart x part 1: 200, 1234 ms',
    'debug: s3 UploadPart x part 1: ECONNRESET, 0 ms',
  ]);
});

test('the body of a response is destroyed if the attempt fails, and the caller reads it otherwise', async () => {
  const { make } = attemptsOf();
  const bodies = [Readable.from(['a']), Readable.from(['b'])];
  const respond = (body: Readable) => ({ status: 200, reason: 'OK', headers: {}, body });
  await make(async onResponse => onResponse(respond(bodies[0]!)));
  const failing = make(async onResponse => {
    onResponse(respond(bodies[1]!));
    throw new Error('no document');
  });
  await expect(failing).rejects.toThrow('no document');
  expect(bodies.map(({ destroyed }) => destroyed)).toEqual([false, true]);
});
