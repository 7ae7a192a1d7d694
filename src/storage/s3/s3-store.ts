import type { Log } from '../../report/log.ts';
import type { Clock } from '../../retry/clock.ts';
import { type TimeLimitFigures, TimeLimits } from '../../retry/time-limits.ts';
import type {
  ByteRange,
  CallOptions,
  GetOptions,
  ListOptions,
  ObjectInfo,
  ObjectStore,
  OptionalCallOptions,
  RangeBytes,
  Upload,
  UploadOptions,
  WorkerReads,
} from '../object-store.ts';
import { Caller } from './calls/caller.ts';
import { connect } from './calls/client.ts';
import { fetchRange, getRange } from './read/get.ts';
import { headObject } from './read/head.ts';
import { listObjects } from './read/list.ts';
import type { S3Settings } from './s3-settings.ts';
import { putEmpty } from './write/put-empty.ts';
import { sweepUploads } from './write/sweep.ts';
import { S3Upload } from './write/upload.ts';

export interface S3StoreOptions {
  readonly log: Log;
  /** `cache-s3/<version>`. */
  readonly userAgent: string;
  readonly clock: Clock;
  readonly timeLimits: TimeLimitFigures;
  /** The bucket was down in an earlier step: each call gets one attempt until one has succeeded. */
  readonly bucketWasDown: boolean;
}

/**
 * Creates the store of a bucket. Opens no connection and creates no client before the first call.
 *
 * Importing this module loads the AWS SDK (about 20 ms): code that may not need the bucket imports it dynamically.
 */
export function createS3Store(settings: S3Settings, options: S3StoreOptions): ObjectStore {
  return new S3Store(settings, options);
}

class S3Store implements ObjectStore {
  readonly kind = 's3';
  readonly #caller: Caller;

  constructor(settings: S3Settings, options: S3StoreOptions) {
    const { log, userAgent, clock, timeLimits, bucketWasDown } = options;
    const limits = new TimeLimits(clock, timeLimits);
    this.#caller = new Caller(settings, log, {
      clock,
      limits,
      connect: () => connect(settings, limits, clock, userAgent),
      bucketWasDown,
    });
  }

  get counters(): ObjectStore['counters'] {
    return this.#caller.counters;
  }

  get nowMs(): number {
    return this.#caller.serverTimeMs;
  }

  get versioned(): boolean {
    return this.#caller.capabilities.versioned;
  }

  head(name: string, options?: OptionalCallOptions): Promise<ObjectInfo | undefined> {
    return headObject(this.#caller, name, options);
  }

  getRange(name: string, range: ByteRange, options?: GetOptions): Promise<RangeBytes | undefined> {
    return getRange(this.#caller, name, range, options);
  }

  get workerReads(): WorkerReads {
    return {
      settings: this.#caller.connectionSettings,
      fetchRange: (...range) => fetchRange(this.#caller, ...range),
    };
  }

  list(prefix: string, options?: ListOptions): AsyncIterable<ObjectInfo> {
    return listObjects(this.#caller, prefix, options);
  }

  createUpload(name: string, options: UploadOptions): Upload {
    return new S3Upload(this.#caller, name, options);
  }

  putEmpty(name: string, options?: OptionalCallOptions): Promise<void> {
    return putEmpty(this.#caller, name, options);
  }

  abortStale(prefix: string, olderThanMs: number, options?: CallOptions): Promise<number> {
    return sweepUploads(this.#caller, prefix, olderThanMs, options?.signal);
  }

  close(): void {
    this.#caller.close();
  }
}
