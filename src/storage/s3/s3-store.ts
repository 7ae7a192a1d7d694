import type { Log } from '../../report/log.ts';
import type { Clock } from '../../retry/clock.ts';
import type { WaitedTime } from '../../retry/stall-limit.ts';
import { type TimeLimitFigures, TimeLimits } from '../../retry/time-limits.ts';
import type { ObjectStore } from '../object-store.ts';
import { Caller } from './calls/caller.ts';
import { connect } from './calls/client.ts';
import { fetchRange, getRange } from './read/get.ts';
import { headObject } from './read/head.ts';
import { listObjects } from './read/list.ts';
import type { S3Settings } from './s3-settings.ts';
import { deleteObject } from './write/delete.ts';
import { putEmpty } from './write/put-empty.ts';
import { sweepUploads, unfinishedUploads } from './write/sweep.ts';
import { S3Upload } from './write/upload.ts';

export interface S3StoreOptions {
  readonly log: Log;
  /** `cache-s3/<version>`. */
  readonly userAgent: string;
  readonly clock: Clock;
  /** Registers a secret with the runner, which replaces it in the log. */
  readonly mask: (secret: string) => void;
  readonly timeLimits: TimeLimitFigures;
  /** The bucket was down in an earlier step: each call gets one attempt until one has succeeded. */
  readonly bucketWasDown: boolean;
  /** The time for which the calls have waited. */
  readonly waited: WaitedTime;
}

/**
 * Creates the store of a bucket. Opens no connection and creates no client before the first call.
 *
 * Importing this module loads the AWS SDK (about 20 ms): code that may not need the bucket imports it dynamically.
 */
export function createS3Store(settings: S3Settings, options: S3StoreOptions): ObjectStore {
  const caller = createCaller(settings, options);
  return {
    kind: 's3',
    counters: caller.counters,
    get nowMs() {
      return caller.serverTimeMs;
    },
    get versioned() {
      return caller.capabilities.versioned;
    },
    head: headObject.bind(undefined, caller),
    getRange: getRange.bind(undefined, caller),
    get workerReads() {
      return { settings: caller.connectionSettings, fetchRange: fetchRange.bind(undefined, caller) };
    },
    list: listObjects.bind(undefined, caller),
    createUpload: (name, uploadOptions) => new S3Upload(caller, name, uploadOptions),
    putEmpty: putEmpty.bind(undefined, caller),
    delete: deleteObject.bind(undefined, caller),
    unfinishedUploads: unfinishedUploads.bind(undefined, caller),
    abortStale: sweepUploads.bind(undefined, caller),
    close: () => caller.close(),
  };
}

/** Creates what makes the calls of a store: for a program that makes single calls (`cache-s3 doctor`). */
export function createCaller(settings: S3Settings, options: S3StoreOptions): Caller {
  const { log, clock, timeLimits, bucketWasDown, waited } = options;
  const limits = new TimeLimits(clock, timeLimits);
  return new Caller(settings, log, {
    clock,
    limits,
    connect: () => connect(settings, { ...options, limits }),
    bucketWasDown,
    waited,
  });
}

/** For such a program, which imports this module at run time so that `dist/` has the SDK once. */
export * as sdk from './calls/sdk.ts';
