import type { ObjectStore } from '../object-store.ts';
import { Caller, type CallerOptions } from './calls/caller.ts';
import { fetchRange, getRange } from './read/get.ts';
import { headObject } from './read/head.ts';
import { listObjects } from './read/list.ts';
import type { S3Settings } from './s3-settings.ts';
import { deleteObject } from './write/delete.ts';
import { putEmpty } from './write/put-whole.ts';
import { sweepUploads, unfinishedUploads } from './write/sweep.ts';
import { S3Upload } from './write/upload.ts';

/**
 * Creates the store of a bucket. Opens no connection and creates no client before the first call.
 *
 * This module loads the AWS SDK (about 20 ms), so code that may not need the bucket imports it dynamically.
 */
export function createS3Store(settings: S3Settings, options: CallerOptions): ObjectStore {
  const caller = new Caller(settings, options);
  return {
    kind: 's3',
    counters: caller.counters,
    get nowMs() {
      return caller.nowMs;
    },
    get laterNowMs() {
      return caller.laterNowMs;
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

/** `cache-s3 doctor` makes single calls. It imports this module at run time, so that `dist/` has the SDK once. */
export { Caller } from './calls/caller.ts';
export * as sdk from './calls/sdk.ts';
export { tlsRefusal } from './errors/refusals.ts';
export { isStatus } from './errors/response-error.ts';
