import { Readable } from 'node:stream';
import { beforeEach, expect, test, vi } from 'vitest';
import { WaitedTime } from '../../../../src/retry/stall-limit.ts';
import { TIME_LIMITS } from '../../../../src/retry/time-limits.ts';
import type { CallSpec } from '../../../../src/storage/s3/calls/call.ts';
import { Caller } from '../../../../src/storage/s3/calls/caller.ts';
import { ResponseError } from '../../../../src/storage/s3/errors/response-error.ts';
import { classify } from '../../../../src/storage/s3/errors/s3-errors.ts';
import { FakeClock } from '../../../retry/fake-clock.ts';
import { failureOf } from '../../../support/failure-of.ts';
import { recordingLog } from '../../../support/requests.ts';
import { createS3Settings } from '../support.ts';

const reset = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
const spec: CallSpec = { operation: 'GetObject', about: 'an object' };

/** Calls of one endpoint. None of them is sent. */
function calls(attempts = 1) {
  const clock = new FakeClock();
  const log = recordingLog();
  const caller = new Caller(createS3Settings({ attempts }), {
    log,
    userAgent: 'cache-s3/test',
    mask() {},
    clock,
    timeLimits: TIME_LIMITS,
    bucketWasDown: false,
    waited: new WaitedTime(),
  });
  return {
    caller,
    clock,
    log,
    fail: (extra: Partial<CallSpec> = {}) => caller.run({ ...spec, ...extra }, () => Promise.reject(reset)),
    succeed: (extra: Partial<CallSpec> = {}) => caller.run({ ...spec, ...extra }, async () => 'a response'),
  };
}

test('after a lost connection no call is sent, and each names the first failure', async () => {
  const { caller, fail, succeed } = calls();
  await expect(fail()).rejects.toThrow('(GetObject: ECONNRESET)');
  for (const operation of ['HeadObject', 'PutObject']) {
    await expect(succeed({ operation })).rejects.toThrow(
      '(GetObject: ECONNRESET); no further request was sent',
    );
  }
  expect(caller.counters.requests).toBe(1);
});

test.each<keyof CallSpec>(['optional', 'hasOtherWay'])(
  'after a lost connection of a call that is %s the next call is sent',
  async property => {
    const { fail, succeed } = calls();
    await expect(fail({ [property]: true })).rejects.toThrow('connection reset');
    expect(await succeed()).toBe('a response');
  },
);

test('after a lost connection one call that cleans up is sent, and a second one is not', async () => {
  const { fail, succeed } = calls();
  await expect(fail()).rejects.toThrow('connection reset');
  expect(await succeed({ lastCallMs: 1000 })).toBe('a response');
  await expect(succeed({ lastCallMs: 1000 })).rejects.toThrow('no further request was sent');
});

test('a call that cleans up does not use up the last call while the endpoint responds', async () => {
  const { fail, succeed } = calls();
  expect(await succeed({ lastCallMs: 1000 })).toBe('a response');
  await expect(fail()).rejects.toThrow('connection reset');
  expect(await succeed({ lastCallMs: 1000 })).toBe('a response');
});

test.each([
  ['the Date of the response', { date: 'Sat, 21 Nov 2020 10:00:00 GMT' }, 0],
  ["the runner's clock if the response has no Date", {}, Date.UTC(2020, 10, 21, 10)],
])('a date in Retry-After is compared with %s', async (_, date, runnerMs) => {
  vi.spyOn(Date, 'now').mockReturnValue(runnerMs);
  const { caller, clock } = calls(2);
  const begunMs: number[] = [];
  const headers = { 'retry-after': 'Sat, 21 Nov 2020 10:00:05 GMT', ...date };
  const called = caller.run(spec, async () => {
    begunMs.push(clock.now());
    if (begunMs.length === 1) throw new ResponseError({ status: 503, headers });
  });
  await clock.advance(8000);
  await called;
  expect(begunMs[1]! - begunMs[0]!).toBe(5000);
});

test('a call that cleans up after a lost connection is repeated only while the endpoint responds', async () => {
  const { caller, clock, fail } = calls(3);
  const failed = failureOf(fail());
  await clock.advance(1000);
  await failed;
  const failures = [new ResponseError({ status: 503, headers: {} }), reset];
  const attempt = () => Promise.reject(failures.shift() ?? new Error('one more'));
  const failure = failureOf(caller.run({ ...spec, lastCallMs: 5000 }, attempt));
  await clock.advance(5000);
  expect((await failure).message).toContain('connection reset');
  expect(failures).toEqual([]);
});

/** Follows a call whose attempts fail with these errors: when each began. */
function follow(
  failures: unknown[],
  { attempts = 5, ...spec_ }: Partial<CallSpec> & { attempts?: number } = {},
) {
  const { caller, clock } = calls(attempts);
  const begun: number[] = [];
  const result = caller.run({ ...spec, ...spec_ }, async () => {
    begun.push(clock.now());
    const failure = failures[begun.length - 1];
    if (failure) throw failure;
    return 'a response';
  });
  result.catch(() => {});
  return { caller, clock, begun, result };
}

beforeEach(() => {
  // Jitter in the middle
  vi.spyOn(Math, 'random').mockReturnValue(0.5);
});

test('a call is repeated after 0.25, 0.5, 1 and 2 s, then given up with the last failure', async () => {
  const { caller, clock, begun, result } = follow(Array(6).fill(reset));
  await clock.advance(60_000);
  await expect(result).rejects.toThrow('connection reset');
  expect(begun).toEqual([0, 250, 750, 1750, 3750]);
  expect(caller.counters).toEqual({ requests: 5, retries: 4 });
});

test('the debug log has the number of each attempt that follows a failure, and the wait before it', async () => {
  const { clock, fail, log } = calls(3);
  const failed = failureOf(fail());
  await clock.advance(1000);
  await failed;
  expect(log.lines.filter(line => line.includes(' failed '))).toEqual([
    'debug: s3 GetObject failed (ECONNRESET): attempt 2 in 250 ms',
    'debug: s3 GetObject failed (ECONNRESET): attempt 3 in 500 ms',
  ]);
});

test('a call ends with its first success, and with the first failure that no retry can help', async () => {
  const succeeding = follow([reset, reset]);
  const failing = follow([reset, new Error('a bug'), reset]);
  for (const { clock } of [succeeding, failing]) await clock.advance(60_000);
  expect(await succeeding.result).toBe('a response');
  await expect(failing.result).rejects.toThrow('Error: a bug');
  expect([succeeding.begun.length, failing.begun.length]).toEqual([3, 2]);
});

test('the failure of each attempt is classified once', async () => {
  // Only the classification reads it
  const get = vi.fn(() => ({}));
  const lost = Object.defineProperty(Object.assign(new Error(), { code: 'ECONNRESET' }), '$metadata', {
    get,
  });
  const { clock, result } = follow([lost, lost, lost], { attempts: 3 });
  await clock.advance(60_000);
  await expect(result).rejects.toThrow('connection reset');
  expect(get).toHaveBeenCalledTimes(3);
});

test('a refusal for the clock is sent again at once, also if the attempt has classified it', async () => {
  const body = '<Error><Code>RequestTimeTooSkewed</Code></Error>';
  const skewed = new ResponseError({ status: 403, headers: { date: new Date(1000).toUTCString() } }, body);
  for (const failure of [skewed, classify(skewed)]) {
    const { caller, result } = follow([failure]);
    expect(await result).toBe('a response');
    expect(caller.counters).toEqual({ requests: 2, retries: 0 });
  }
});

test.each([
  ['without a Date', {}],
  // The signer throws a RangeError at the last moment that a Date can have
  ['whose Date is 13 September 275760', { date: 'Sat, 13 Sep 275760 00:00:00 GMT' }],
])('a refusal for the clock %s is not sent again', async (_, headers) => {
  const body = '<Error><Code>RequestTimeTooSkewed</Code></Error>';
  const { caller, result } = follow([new ResponseError({ status: 403, headers }, body)]);
  await expect(result).rejects.toThrow("the runner's clock differs from the server's by too much");
  expect(caller.counters).toEqual({ requests: 1, retries: 0 });
});

test('attempts that made progress do not count against those of a call', async () => {
  let attempts = 0;
  const madeProgress = () => ++attempts < 9;
  const { clock, begun, result } = follow(Array(10).fill(reset), { attempts: 2, madeProgress });
  await clock.advance(60_000);
  await expect(result).rejects.toThrow('connection reset');
  expect(begun).toHaveLength(10);
});

test('the signal of a call ends its wait for the next attempt with its reason', async () => {
  const controller = new AbortController();
  const { clock, begun, result } = follow([reset], { signal: controller.signal });
  await clock.advance(100);
  controller.abort(new Error('cancelled'));
  await expect(result).rejects.toThrow('cancelled');
  await clock.advance(60_000);
  expect(begun).toEqual([0]);
});

test('each attempt has one line of the debug log, with the status or the failure and the time', async () => {
  const { caller, log, clock } = calls();
  await caller.run(spec, async (_client, { onResponse }) => {
    onResponse?.({ status: 200, headers: {}, body: Readable.from([]) });
    await clock.advance(1234);
  });
  await expect(caller.run(spec, () => Promise.reject(reset))).rejects.toThrow('connection reset');
  expect(log.lines).toEqual([
    'debug: s3 GetObject an object: 200, 1234 ms',
    'debug: s3 GetObject an object: ECONNRESET, 0 ms',
  ]);
});

test('the body of a response is destroyed if the attempt fails, and the caller reads it otherwise', async () => {
  const { caller } = calls();
  const bodies = [Readable.from(['a']), Readable.from(['b'])];
  const respond = (body: Readable) => ({ status: 200, headers: {}, body });
  await caller.run(spec, async (_client, { onResponse }) => onResponse?.(respond(bodies[0]!)));
  const failing = caller.run(spec, async (_client, { onResponse }) => {
    onResponse?.(respond(bodies[1]!));
    throw new Error('no document');
  });
  await expect(failing).rejects.toThrow('no document');
  expect(bodies.map(({ destroyed }) => destroyed)).toEqual([false, true]);
});
