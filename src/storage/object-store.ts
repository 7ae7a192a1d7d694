import type { WorkerBuffer } from '../archive/pool/worker-pool.ts';

/**
 * The port to a bucket: named, immutable byte strings that can be read in ranges and written in order.
 *
 * `s3/` and `directory/` implement it; one conformance suite (test/storage/object-store.conformance.ts) runs against both. The
 * implementation retries, limits the time and has the circuit breaker: a rejected call is final.
 */

/** Longest name of an object, in bytes of UTF-8. It is S3's limit, and every store has it. `cache/keys` checks each name. */
export const MAX_OBJECT_NAME_BYTES = 1024;

/** Metadata of an object. */
export interface ObjectInfo {
  readonly name: string;
  readonly sizeBytes: number;
  /** ETag without quotes: equal ETags mean equal bytes. It is empty only in a listing, if the server sends none. */
  readonly etag: string;
  /** Last modification by the store's own clock, in ms since 1970. Undefined if the store sends none that can be read. */
  readonly modifiedMs: number | undefined;
}

/** Returns a time in ms, or 0 (1970) if it is not known, so that the object counts as the oldest. */
export function orOldest(ms = 0): number {
  return ms;
}

/** An object in one state: another ETag is another object. */
export interface ObjectVersion {
  readonly name: string;
  readonly etag: string;
}

/** Bytes `start` (included) to `end` (excluded). */
export interface ByteSpan {
  readonly start: number;
  readonly end: number;
}

/** A span, or the last `suffix` bytes (all, if there are fewer). */
export type ByteRange = ByteSpan | { readonly suffix: number };

/** Returns the bytes of a range that an object of this size has. */
export function spanOf(range: ByteRange, sizeBytes: number): ByteSpan {
  if ('suffix' in range) return { start: Math.max(0, sizeBytes - Math.max(0, range.suffix)), end: sizeBytes };
  const start = Math.min(range.start, sizeBytes);
  return { start, end: Math.max(start, Math.min(range.end, sizeBytes)) };
}

/** The result of a ranged read. */
export interface RangeBytes {
  /** The bytes, alone in their ArrayBuffer so that they can be transferred to another thread. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Offset of `bytes[0]` in the object. */
  readonly start: number;
  /** Size of the whole object in bytes. */
  readonly sizeBytes: number;
  readonly etag: string;
  /** Last modification, as in `ObjectInfo`. */
  readonly modifiedMs: number | undefined;
}

/** The part of a store with which workers read by themselves (src/worker.ts). */
interface WorkerReads {
  /** The `workerData` of each worker that reads. */
  readonly settings: unknown;
  /** Reads as `getRange` does, into a buffer of a worker. Returns the number of bytes that were read. */
  fetchRange(
    name: string,
    span: ByteSpan,
    buffer: WorkerBuffer,
    options: GetOptions,
  ): Promise<number | undefined>;
}

/** Age in ms from which the job of an unfinished upload counts as killed: a running save may take hours. */
export const STALE_UPLOAD_MS = 24 * 60 * 60 * 1000;

/** An upload that was begun and neither completed nor aborted. */
export interface UnfinishedUpload {
  /** The name of its object. */
  readonly name: string;
  /** Start of the upload by the store's own clock, in ms since 1970. */
  readonly begunMs: number;
}

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
}

export interface OptionalCallOptions extends CallOptions {
  /** Whether the caller can do without the result: one attempt, and a failure does not open the circuit. */
  readonly optional?: boolean;
}

/** Options of a listing. An optional one reads only the first page, of at most 1000 names. */
export interface ListOptions extends OptionalCallOptions {
  /** Whether the listing may have any length, as of a whole bucket: a step's limits on pages and time do not apply. */
  readonly hasAnyLength?: boolean;
  /**
   * Whether the caller acts on the absence of names. The directory store then throws if it may not read a part of the listing,
   * and otherwise skips that part.
   */
  readonly whole?: boolean;
}

export interface SweepOptions extends CallOptions {
  /** Returns whether an upload of this name is of a cache. Other programs may share the prefix; their uploads are kept. */
  readonly isOwn: (name: string) => boolean;
}

export interface GetOptions extends CallOptions {
  /** The ETag of the only version to read. */
  readonly etag?: string;
  /** Receives the number of bytes of each piece that arrives. */
  readonly onBytes?: ((count: number) => void) | undefined;
}

export interface UploadOptions extends CallOptions {
  /** Bytes per part, at least 5 MiB (S3's minimum for all parts but the last). */
  readonly partSizeBytes: number;
  /** Bytes up to which an object is stored by one request, in a store that has parts. Default: one part. */
  readonly wholeUpToBytes?: number;
  /**
   * Whether `complete` throws `ObjectExistsError` if the name is taken. This is exact for an object of one part. For a larger
   * one it is checked right before the end, because S3 gateways ignore conditions on CompleteMultipartUpload.
   */
  readonly onlyIfAbsent: boolean;
  /**
   * ETag of the object that may be replaced, with `onlyIfAbsent: false`. `complete` throws `ObjectReplacedError` if the present
   * one is another.
   */
  readonly onlyIfEtag?: string | undefined;
  /** Receives the number of bytes of each part that the store has acknowledged. */
  readonly onBytes?: ((count: number) => void) | undefined;
  /** Threads that send the parts of an object that is written at this rate or faster. Default: this thread sends all parts. */
  readonly senders?: { readonly maxThreads: number; readonly fromBytesPerSecond: number } | undefined;
  /** Callback before the request that publishes is sent. Without a response to it, the object may appear or not. */
  readonly onPublish?: (() => void) | undefined;
}

/**
 * An upload of one object, written strictly in order. Nothing is visible before `complete`, and an object is visible
 * only as a whole. After the first failure every later call rejects with it.
 */
export interface Upload {
  /** Appends bytes and takes ownership of them. Resolves when the writer has room for more, not when they are stored. */
  write(bytes: Uint8Array): Promise<void>;
  /**
   * Appends a range of at least 5 MiB of an existing object, which an S3 server copies by itself. Call this before any write.
   * Throws `ObjectReplacedError` if the source's ETag is not `source.etag` before the first or after the last copied byte, and
   * `CopyRefusedError` if the server does not copy.
   */
  copyRange(source: ObjectVersion, range: ByteSpan): Promise<void>;
  /** Makes the object visible. Throws `ObjectExistsError` or `ObjectReplacedError` by the conditions in the options. */
  complete(): Promise<void>;
  /**
   * Destroys the part requests in flight, removes the upload from the store, and only then resolves. Leaves the upload to
   * `abortStale` if the result of a `complete` is not known. It is idempotent, and does nothing after `complete`. Never rejects.
   */
  abort(): Promise<void>;
  /**
   * Fill level of the queue of bytes to send, by which a save chooses its compression level: 0 is empty, 1 or more is full. It is
   * always 0 in a store that sends nothing.
   */
  readonly queueFill: number;
  /** Whether the store has any byte of the object: from then on a save does not fall back to another backend. */
  readonly hasStoredBytes: boolean;
}

/** Requests to the server and retries among them, so far in this process. */
export interface Counters {
  readonly requests: number;
  readonly retries: number;
}

export interface ObjectStore {
  readonly kind: 's3' | 'directory';
  /** Reads the metadata of an object. Returns undefined if there is none. */
  head(name: string, options?: OptionalCallOptions): Promise<ObjectInfo | undefined>;
  /**
   * Reads a range of an object. Returns undefined if there is no such object. A range that ends past the end is cut. One of an
   * empty object, or that starts past the end, has zero bytes. Throws `ObjectReplacedError` if the object's ETag is not
   * `options.etag`.
   */
  getRange(name: string, range: ByteRange, options?: GetOptions): Promise<RangeBytes | undefined>;
  /** The reads of workers. Undefined if only this thread reads from the store. */
  readonly workerReads?: WorkerReads;
  /** Lists all objects whose name starts with `prefix`, over all pages, in byte order of their names if the server has an order. */
  list(prefix: string, options?: ListOptions): AsyncIterable<ObjectInfo>;
  /** Begins an object. No request is made before the first full part. */
  createUpload(name: string, options: UploadOptions): Upload;
  /** Stores an object without bytes in place of any other of this name, so that its time of modification is now. */
  putEmpty(name: string, options?: OptionalCallOptions): Promise<void>;
  /** Deletes an object. Does nothing if there is none. */
  delete(name: string, options?: CallOptions): Promise<void>;
  /** Lists unfinished uploads under `prefix` that are older than `olderThanMs` by the store's clock, 100,000 at most. */
  unfinishedUploads(
    prefix: string,
    olderThanMs: number,
    options?: CallOptions,
  ): AsyncIterable<UnfinishedUpload>;
  /**
   * Aborts unfinished uploads under `prefix` that are older than `olderThanMs` by the store's clock. Returns their number.
   */
  abortStale(prefix: string, olderThanMs: number, options: SweepOptions): Promise<number>;
  /**
   * The earlier of the store's time (by its last response) and this machine's, in ms since 1970: no age by it is too high, so
   * nothing is deleted too early.
   */
  readonly nowMs: number;
  /** The later of the two times, in ms since 1970: no age by it is too low. */
  readonly laterNowMs: number;
  /** Whether a response has shown that the bucket keeps versions. */
  readonly versioned: boolean;
  readonly counters: Counters;
  /** Closes idle connections so that the process can end. */
  close(): void;
}
