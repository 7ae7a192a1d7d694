import { systemClock } from '../../../src/retry/clock.ts';
import { WaitedTime } from '../../../src/retry/stall-limit.ts';
import { TIME_LIMITS } from '../../../src/retry/time-limits.ts';
import type { ObjectStore } from '../../../src/storage/object-store.ts';
import type { CallerOptions } from '../../../src/storage/s3/calls/caller.ts';
import type { S3Settings } from '../../../src/storage/s3/s3-settings.ts';
import { createS3Store } from '../../../src/storage/s3/s3-store.ts';
import { silentLog } from '../../support/silent-log.ts';

/** Settings that reach nothing, as a base for those of a test. */
export function createS3Settings(overrides: Partial<S3Settings> = {}): S3Settings {
  return {
    endpoint: new URL('http://127.0.0.1:1'),
    region: 'us-east-1',
    bucket: 'bucket',
    credentials: { accessKeyId: 'access', secretAccessKey: 'secret' },
    role: undefined,
    instanceMetadata: false,
    forkPullRequest: false,
    forcePathStyle: true,
    caFile: undefined,
    encryption: undefined,
    environment: process.env,
    attempts: 5,
    ...overrides,
  };
}

/** The limits of the program, short: a silent server costs a test milliseconds. */
export const shortLimits = {
  ...TIME_LIMITS,
  connectMs: 400,
  firstByteMs: 300,
  firstResponseMs: 900,
  idleTimeoutMs: 500,
  stalledMs: 5000,
  serverWorkMs: 2000,
};

export function openStore(settings: Partial<S3Settings>, options: Partial<CallerOptions> = {}): ObjectStore {
  return createS3Store(createS3Settings(settings), {
    log: silentLog,
    userAgent: 'cache-s3/test',
    clock: systemClock,
    mask: () => {},
    timeLimits: TIME_LIMITS,
    bucketWasDown: false,
    waited: new WaitedTime(),
    ...options,
  });
}
