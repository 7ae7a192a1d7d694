/**
 * The error contract of the storage layer. The errors of `archive/archive-errors.ts` and the reason of a signal pass through it
 * as they are; every other error that leaves it is a bug.
 */

/** What all errors of this contract are. */
export abstract class StoreError extends Error {}

/** Nothing of the bucket answers, or it fails for good: time limit, connection, 5xx after all retries. */
export class StoreUnavailableError extends StoreError {
  override name = 'StoreUnavailableError';
  /** Set by a save whose store had accepted a byte of the archive: no other backend is asked then. */
  accepted = false;
}

/**
 * The bucket answers, and refuses: wrong credentials, no such bucket, access denied, quota. Retrying cannot help.
 */
export class StoreRefusedError extends StoreError {
  override name = 'StoreRefusedError';
  /** As in `StoreUnavailableError` (a quota may be exceeded in the middle of a save). */
  accepted = false;
  /** What the user may mend, as a phrase: `the input 'bucket'`, `the runner's clock`; undefined: nothing of theirs. */
  readonly lookAt: string | undefined;
  constructor(message: string, lookAt: string | undefined, options?: ErrorOptions) {
    super(message, options);
    this.lookAt = lookAt;
  }

  /** The message after where to look: `look at the input 'bucket': there is no such bucket`. */
  get advice(): string {
    return this.lookAt === undefined ? this.message : `look at ${this.lookAt}: ${this.message}`;
  }
}

/** The object is not the one that was asked for any more (412 on If-Match, or it is gone). */
export class ObjectReplacedError extends StoreError {
  override name = 'ObjectReplacedError';
}

/** The object that has just been found answers a read as if it were not there. */
export class ObjectGoneError extends ObjectReplacedError {
  override name = 'ObjectGoneError';
}

/** The name is taken: another job was faster. */
export class ObjectExistsError extends StoreError {
  override name = 'ObjectExistsError';
}

/** The server does not copy ranges (501, or an answer that is not S3's). */
export class CopyRefusedError extends StoreError {
  override name = 'CopyRefusedError';
}

/** The object's name does not fit the store (S3: 1024 bytes of UTF-8). */
export class NameTooLongError extends StoreError {
  override name = 'NameTooLongError';
}
