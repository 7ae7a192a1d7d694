import { expect, test } from 'vitest';
import { WaitedTime } from '../../../../src/retry/stall-limit.ts';
import { TIME_LIMITS } from '../../../../src/retry/time-limits.ts';
import type { CallSpec } from '../../../../src/storage/s3/calls/call.ts';
import { Caller } from '../../../../src/storage/s3/calls/caller.ts';
import { FakeClock } from '../../../retry/fake-clock.ts';
import { silentLog } from '../../../support/silent-log.ts';
import { createS3Settings } from '../support.ts';

const reset = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
const spec: CallSpec = { operation: 'GetObject', about: 'an object' };

/** Calls of one endpoint with one attempt each. None of them is sent. */
function calls() {
  const clock = new FakeClock();
  const caller = new Caller(createS3Settings({ attempts: 1 }), {
    log: silentLog,
    userAgent: 'cache-s3/test',
    mask() {},
    clock,
    timeLimits: TIME_LIMITS,
    bucketWasDown: false,
    waited: new WaitedTime(),
  });
  return {
    caller,
    fail: (extra: Partial<CallSpec> = {}) => caller.run({ ...spec, ...extra }, () => Promise.reject(reset)),
    succeed: (extra: Partial<CallSpec> = {}) => caller.run({ ...spec, ...extra }, async () => 'a response'),
  };
}

test('after a lost connection no call is sent, and each names the first failure', async () => {
  const { caller, fail, succeed } = calls();
  await expect(fail()).rejects.toThrow('connection reset (GetObject: ECONNRESET)');
  for (const operation of ['HeadObject', 'PutObject']) {
    await expect(succeed({ operation })).rejects.toThrow(
      `connection reset (GetObject: ECONNRESET); ${operation} was not sent`,
    );
  }
  expect(caller.counters.requests).toBe(1);
});

test.each<keyof CallSpec>(['optional', 'replaceable'])(
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
  await expect(succeed({ lastCallMs: 1000 })).rejects.toThrow('was not sent');
});

test('a call that cleans up does not use up the last call while the endpoint responds', async () => {
  const { fail, succeed } = calls();
  expect(await succeed({ lastCallMs: 1000 })).toBe('a response');
  await expect(fail()).rejects.toThrow('connection reset');
  expect(await succeed({ lastCallMs: 1000 })).toBe('a response');
});
