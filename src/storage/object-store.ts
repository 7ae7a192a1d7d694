import type { WorkerBuffer } from '../archive/pool/worker-pool.ts';

/**
 * The port to a bucket: named, immutable byte strings that can be read in ranges and written in order.
 *
 * `s3/` and `directory/` implement it; one conformance suite (test/storage/object-store.conformance.ts) runs against
 * both. Retries, time limits and the circuit breaker are the implementation's own: a rejected call is final.
 */

/**
 * S3's limit on an object's name, in bytes of UTF-8, which every store has: a name that fits one fits all. Those who make names
 * keep it (cache/keys).
 */
export const MAX_OBJECT_NAME_BYTES = 1024;

/** Metadata of an object. */
export interface ObjectInfo {
  readonly name: string;
  readonly sizeBytes: number;
  /** Opaque; two equal ones mean the same bytes. Never empty, without quotes. */
  readonly etag: string;
  /** Last modification by the store's own clock, in ms since 1970. Undefined if the store sends none that can be read. */
  readonly modifiedMs: number | undefined;
}

/** Returns a time, or one before all others if it is not known. */
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
  /** As in `ObjectInfo`. */
  readonly modifiedMs: number | undefined;
}

/** Lets workers read from the store by themselves (src/worker.ts). */
interface WorkerReads {
  /** Becomes the `workerData` of each worker that reads. */
  readonly settings: unknown;
  /** Reads as `getRange` does, into a buffer of a worker. Resolves with the number of bytes in it. */
  fetchRange(
    name: string,
    span: ByteSpan,
    buffer: WorkerBuffer,
    options: GetOptions,
  ): Promise<number | undefined>;
}

/**
 * Age in ms from which an unfinished upload is taken for one of a killed job: that of a running save may be as old as the
 * longest job.
 */
export const STALE_UPLOAD_MS = 24 * 60 * 60 * 1000;

/** An upload that was begun and neither completed nor aborted. */
export interface UnfinishedUpload {
  /** The name of its object. */
  readonly name: string;
  /** Its start by the store's own clock, in ms since 1970. */
  readonly begunMs: number;
}

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
}

export interface OptionalCallOptions extends CallOptions {
  /** The caller can do without it: one attempt, and a failure does not open the circuit. */
  readonly optional?: boolean;
}

/** Of an optional listing only the first page is read, of at most 1000 names. */
export interface ListOptions extends OptionalCallOptions {
  /**
   * The caller reads a listing of any length, such as that of a whole bucket: neither its pages nor its time in all are
   * bounded as those of a step are.
   */
  readonly anyLength?: boolean;
  /**
   * The caller decides by what is missing: throws where a part of the listing may not be read, which the directory store
   * leaves out otherwise.
   */
  readonly whole?: boolean;
}

export interface SweepOptions extends CallOptions {
  /** Returns whether a name is one of ours: uploads of other programs, which may share the prefix, are kept. */
  readonly isOwn: (name: string) => boolean;
}

export interface GetOptions extends CallOptions {
  /** Read only this version of the object. */
  readonly etag?: string;
  /** Called with the number of bytes of each piece that arrives. */
  readonly onBytes?: ((count: number) => void) | undefined;
}

export interface UploadOptions extends CallOptions {
  /** Bytes per part. At least 5 MiB (S3's minimum for all parts but the last). */
  readonly partSizeBytes: number;
  /** An object of at most this many bytes is stored by one request, in a store that has parts. Default: one part. */
  readonly wholeUpToBytes?: number;
  /**
   * true: `complete` throws `ObjectExistsError` if the name is taken (exact for an object of one part, checked right
   * before the end for a larger one: S3 gateways ignore conditions on CompleteMultipartUpload).
   */
  readonly onlyIfAbsent: boolean;
  /**
   * With `onlyIfAbsent: false`: replace only while the object's ETag is still this one; `complete` throws
   * `ObjectReplacedError` otherwise.
   */
  readonly onlyIfEtag?: string | undefined;
  /** Called with the number of bytes of each part that the store has acknowledged. */
  readonly onBytes?: ((count: number) => void) | undefined;
  /** Number of threads that may be started to send parts. Default 0: this thread sends all. */
  readonly senders?: number | undefined;
  /** Called before the request that publishes is sent. Without a response to it, the object may appear or not. */
  readonly onPublish?: (() => void) | undefined;
}

/**
 * An upload of one object, written strictly in order. Nothing is visible before `complete`, and an object is visible
 * only as a whole. After the first failure every later call rejects with it.
 */
export interface Upload {
  /** Appends. Takes ownership of `bytes`. Resolves when the writer has room for more, not when they are stored. */
  write(bytes: Uint8Array): Promise<void>;
  /**
   * Appends a range of an existing object without moving its bytes through this process.
   * It has at least 5 MiB. Call this before any write.
   * Throws `ObjectReplacedError` when the source is no longer `source.etag` before the first or after the last copied
   * byte, `CopyRefusedError` when the server does not implement it.
   */
  copyRange(source: ObjectVersion, range: ByteSpan): Promise<void>;
  /** Makes the object visible. Throws `ObjectExistsError` or `ObjectReplacedError` by the conditions in the options. */
  complete(): Promise<void>;
  /**
   * Destroys the part requests in flight, removes the upload from the store, and only then resolves. While the result of a
   * `complete` is not known, the upload is left to `abortStale`. Idempotent; after `complete` it does nothing. Never
   * rejects.
   */
  abort(): Promise<void>;
  /**
   * The use of the queue of bytes that wait to be sent, by which a save chooses how much to compress: 0 is empty, 1 or more is
   * full. Always 0 in a store that sends nothing.
   */
  readonly queued: number;
  /** Whether the store has accepted any byte: from then on a save does not fall back to another backend. */
  readonly accepted: boolean;
}

/** Requests to the server and retries among them, so far in this process. */
export interface Counters {
  readonly requests: number;
  readonly retries: number;
}

export interface ObjectStore {
  readonly kind: 's3' | 'directory';
  /** Returns undefined if there is no such object. */
  head(name: string, options?: OptionalCallOptions): Promise<ObjectInfo | undefined>;
  /**
   * Returns undefined if there is no such object. An empty object has zero bytes. A range that ends past the end is cut;
   * one that starts past it has zero bytes. Throws `ObjectReplacedError` if the object's ETag is not `options.etag`.
   */
  getRange(name: string, range: ByteRange, options?: GetOptions): Promise<RangeBytes | undefined>;
  /** Undefined if only this thread reads from the store. */
  readonly workerReads?: WorkerReads;
  /** Lists all objects whose name starts with `prefix`, over all pages, in byte order of their names if the server has an order. */
  list(prefix: string, options?: ListOptions): AsyncIterable<ObjectInfo>;
  /** Begins an object. No request is made before the first full part. */
  createUpload(name: string, options: UploadOptions): Upload;
  /** Stores an object without bytes in place of any other of this name: its time of modification is now. */
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
   * The earlier of the store's time (by its last response) and this machine's, in ms since 1970: nothing looks older than it is,
   * so nothing is deleted too early.
   */
  readonly nowMs: number;
  /** The later of the two, in ms since 1970: nothing looks younger than it is. */
  readonly laterNowMs: number;
  /** Whether a response has shown that the bucket keeps versions. */
  readonly versioned: boolean;
  readonly counters: Counters;
  /** Closes idle connections so that the process can end. */
  close(): void;
}
