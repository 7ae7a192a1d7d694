/**
 * The port to a bucket: named, immutable byte strings that can be read in ranges and written in order.
 *
 * `s3/` and `directory/` implement it; one conformance suite (test/storage/object-store.conformance.ts) runs against
 * both. Retry, time limits and the circuit breaker are the implementation's own: a rejected call is final.
 */

/** What a store says of one object. */
export interface ObjectInfo {
  readonly name: string;
  readonly sizeBytes: number;
  /** Opaque; equal means the same bytes. Never empty, unquoted. */
  readonly etag: string;
  /** Last modification by the store's own clock, in ms since 1970. */
  readonly modifiedMs: number;
}

/** An object as it was when it was looked at: another ETag, another object. */
export interface ObjectVersion {
  readonly name: string;
  readonly etag: string;
}

/** Bytes `start` (included) to `end` (excluded). */
export interface ByteSpan {
  readonly start: number;
  readonly end: number;
}

/** A span, or the last `suffix` bytes (more than there are: all). */
export type ByteRange = ByteSpan | { readonly suffix: number };

/** The answer to one ranged read. */
export interface RangeBytes {
  /** The bytes, alone in their ArrayBuffer so that they can be transferred to another thread. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Offset of `bytes[0]` in the object. */
  readonly start: number;
  /** Size of the whole object in bytes. */
  readonly sizeBytes: number;
  readonly etag: string;
}

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
}

export interface ListOptions extends CallOptions {
  /**
   * The caller can do without the answer: one attempt for one page of at most 1000 names, and a failure does not open
   * the circuit.
   */
  readonly optional?: boolean;
}

export interface GetOptions extends CallOptions {
  /** Read only this version of the object. */
  readonly etag?: string;
  /** Called with the number of bytes of each piece as it arrives (for progress). */
  readonly onBytes?: ((count: number) => void) | undefined;
}

export interface UploadOptions extends CallOptions {
  /** Bytes per part. At least 5 MiB (S3's minimum for all parts but the last). */
  readonly partSizeBytes: number;
  /** An object of at most so many bytes is stored by one request, in a store that has parts. Default: one part. */
  readonly wholeUpToBytes?: number;
  /**
   * true: `complete` throws `ObjectExistsError` when the name is taken by then (exact for an object of one part,
   * checked right before the end for a larger one: S3 gateways ignore conditions on CompleteMultipartUpload).
   */
  readonly onlyIfAbsent: boolean;
  /**
   * With `onlyIfAbsent: false`: replace only while the object's ETag is still this one; `complete` throws
   * `ObjectReplacedError` otherwise.
   */
  readonly onlyIfEtag?: string | undefined;
  /** Called with the number of bytes the store has acknowledged, part by part. */
  readonly onBytes?: ((count: number) => void) | undefined;
  /** Called before the request that publishes is sent. If it is not answered, the object may appear all the same. */
  readonly onPublish?: (() => void) | undefined;
}

/**
 * One object on its way into the store, written strictly in order. Nothing is visible before `complete`, and an object
 * is visible only whole. The first failure sticks: every later call rejects with it.
 */
export interface Upload {
  /** Appends. Takes ownership of `bytes`. Resolves when the writer has room for more, not when they are stored. */
  write(bytes: Uint8Array): Promise<void>;
  /**
   * Appends a range of an existing object without moving its bytes through this process.
   * At least 5 MiB, and nothing may have been written before that is not a whole number of parts: call it first.
   * Throws `ObjectReplacedError` when the source is no longer `source.etag` before the first or after the last copied
   * byte, `CopyRefusedError` when the server does not implement it.
   */
  copyRange(source: ObjectVersion, range: ByteSpan): Promise<void>;
  /** Makes the object visible. Throws `ObjectExistsError` or `ObjectReplacedError` as the options ask. */
  complete(): Promise<void>;
  /**
   * Gives up: part requests in flight are destroyed, the upload is removed from the store, and only then does this
   * resolve. While it is not known what became of a `complete`, the upload is left to the sweep. Idempotent; after
   * `complete` it does nothing. Never rejects.
   */
  abort(): Promise<void>;
  /** Whether any byte has been accepted by the store: from then on a save no longer falls back to another backend. */
  readonly accepted: boolean;
}

export interface ObjectStore {
  readonly kind: 's3' | 'directory';
  /** undefined: no such object. */
  head(name: string, options?: CallOptions): Promise<ObjectInfo | undefined>;
  /**
   * undefined: no such object. An empty object answers zero bytes. A range that ends past the end is cut; one that
   * starts past it answers zero bytes. Throws `ObjectReplacedError` when `options.etag` is not the object's any more.
   */
  getRange(name: string, range: ByteRange, options?: GetOptions): Promise<RangeBytes | undefined>;
  /** All objects whose name starts with `prefix`, over all pages, in byte order of their names. */
  list(prefix: string, options?: ListOptions): AsyncIterable<ObjectInfo>;
  /** Begins an object. Lazy: nothing is asked of the store before the first full part. */
  createUpload(name: string, options: UploadOptions): Upload;
  /**
   * Aborts unfinished uploads under `prefix` that are older than `olderThanMs` by the store's clock.
   * Returns how many.
   */
  abortStale(prefix: string, olderThanMs: number, options?: CallOptions): Promise<number>;
  /** What this store has asked of its server so far in this process. */
  readonly counters: { readonly requests: number; readonly retries: number };
  /** Ends idle connections so that the process can end. */
  close(): void;
}
