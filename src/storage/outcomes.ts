import type { ObjectVersion } from './object-store.ts';
import {
  type NameInput,
  NameTooLongError,
  PolicyRefusedError,
  SecretlessRunError,
  StoreRefusedError,
  StoreUnavailableError,
} from './store-errors.ts';

/**
 * The outcomes of a lookup, a restore and a save. A backend makes them at the cause. The fallback and the step pass them on
 * unchanged, up to the lines that report them.
 */

export type CacheSource = 's3' | 'directory' | 'github';

/** An entry that matched. */
export interface Hit {
  readonly kind: 'hit';
  readonly source: CacheSource;
  readonly key: string;
  /** Whether `key` equals the primary key, letter for letter. */
  readonly exact: boolean;
  /** Size of the stored object in bytes; undefined where the backend does not report it. */
  readonly sizeBytes: number | undefined;
  /** The object, where the backend has objects. */
  readonly object?: ObjectVersion;
}

export interface Restored extends Hit {
  /** Directory entries written; undefined where the backend does not report it. */
  readonly entries: number | undefined;
  /** Uncompressed bytes of file data written. */
  readonly rawBytes: number | undefined;
  /** Bytes read from the bucket; absent without a disk cache. */
  readonly fetchedBytes?: number;
  /** Bytes read from the disk cache; absent without one. */
  readonly diskBytes?: number;
}

/** Response of a backend that has no entry for this request. */
export interface Miss {
  readonly kind: 'miss';
  /** Sentence with the reason, if the key exists with other paths, of another system or in another scope. */
  readonly diagnosis: string | undefined;
}

/** Failure of a backend that did not respond, or failed until its retries were used up. It is not a miss. */
interface Unavailable {
  readonly kind: 'unavailable';
  readonly source: CacheSource;
  readonly error: StoreUnavailableError;
  /** Whether the store of a save has bytes of the archive. */
  readonly hasStoredBytes?: boolean;
}

/** Refusal by a backend that has responded. It is not a miss. */
interface Refused {
  readonly kind: 'refused';
  readonly source: CacheSource;
  readonly error: StoreRefusedError | NameTooLongError;
  /** Whether the store has bytes of the archive: a save may exceed a quota after its first bytes. */
  readonly hasStoredBytes?: boolean;
}

/** Outcome of a backend that did not serve the request, so another one may be used in its place. */
export type Unserved = Unavailable | Refused;

/** A failure of another cause than the store: the tree cannot be read or written, or there is a bug. */
export interface Failed {
  readonly kind: 'failed';
  readonly error: Error;
}

interface RestoreFailed extends Failed {
  /** Whether some files were published or moved: the tree is neither the old nor the cached one. */
  readonly treeChanged: boolean;
}

/** End of a request whose signal was aborted. A restore has changed nothing then. */
interface Cancelled {
  readonly kind: 'cancelled';
  /** Whether a save has sent the request that makes the entry visible, with an unknown result. */
  readonly mayBeVisible?: boolean;
}

interface Saved {
  readonly kind: 'saved';
  readonly source: CacheSource;
  readonly sizeBytes: number | undefined;
  readonly entries: number | undefined;
  readonly rawBytes: number | undefined;
  /** Bytes copied from the restored object inside the store (incremental save). */
  readonly reusedBytes: number;
}

/** An object that matched a restore and cannot be restored. The next match is tried in its place. */
export interface Rejected {
  /**
   * A `damaged` object is so on every machine, and the save of the same job may replace it. An `unusable` one is sound, but this
   * release or this machine cannot use it.
   */
  readonly kind: 'damaged' | 'unusable';
  readonly key: string;
  readonly object: ObjectVersion;
  readonly error: Error;
}

interface AfterRejections {
  /** Better matches that a restore has rejected, best first. */
  readonly rejected?: readonly Rejected[];
}

interface AfterFallback {
  /** The outcome of the first backend, if the fallback used the second one. */
  readonly insteadOf?: Unserved & AfterRejections;
}

export type LookupOutcome = (Hit | Miss | Unserved | Failed | Cancelled) & AfterRejections & AfterFallback;
export type RestoreOutcome = (Restored | Miss | Unserved | RestoreFailed | Cancelled) &
  AfterRejections &
  AfterFallback;
export type SaveOutcome = (
  | Saved
  /** The key is saved already, by this run or by another job. */
  | { readonly kind: 'exists'; readonly source: CacheSource }
  /** Nothing matched the paths. */
  | { readonly kind: 'empty' }
  | Unserved
  | Failed
  | Cancelled
) &
  AfterFallback;
export type Outcome = LookupOutcome | RestoreOutcome | SaveOutcome;

/** Returns the outcome of a call that threw `error`, which is no error of the archive. */
export function outcomeOfError(
  error: unknown,
  source: CacheSource,
  signal: AbortSignal | undefined,
): Unserved | Failed | Cancelled {
  if (signal?.aborted) return { kind: 'cancelled' };
  if (error instanceof StoreUnavailableError) return { kind: 'unavailable', source, error };
  if (error instanceof StoreRefusedError || error instanceof NameTooLongError) {
    return { kind: 'refused', source, error };
  }
  return { kind: 'failed', error: error instanceof Error ? error : new Error(String(error)) };
}

/** Returns whether another backend may be used in place of this one. */
export function isUnserved(outcome: Outcome): outcome is Unserved & AfterFallback {
  return outcome.kind === 'unavailable' || outcome.kind === 'refused';
}

/** Returns whether a policy of the store does not allow this to the run: that is by design, and no fault. */
export function isRefusedByPolicy(outcome: Outcome): boolean {
  return outcome.kind === 'refused' && outcome.error instanceof PolicyRefusedError;
}

/** Returns whether GitHub gives the run no secrets, so that it has no credentials: that is by design too. */
export function isSecretlessRun(outcome: Outcome): boolean {
  return outcome.kind === 'refused' && outcome.error instanceof SecretlessRunError;
}

/** Returns the objects that a restore has rejected, also if the fallback was used after them. */
export function rejectedObjects({
  rejected,
  insteadOf,
}: LookupOutcome | RestoreOutcome): readonly Rejected[] {
  return rejected ?? insteadOf?.rejected ?? [];
}

/** Returns whether a restore has failed after it published or moved files. */
export function hasChangedTree(outcome: LookupOutcome | RestoreOutcome): boolean {
  return outcome.kind === 'failed' && 'treeChanged' in outcome && outcome.treeChanged;
}

/** Returns whether the bucket did not respond: the post step calls it without retries. */
export function bucketWasDown(outcome: Outcome): boolean {
  return [outcome, outcome.insteadOf].some(one => one?.kind === 'unavailable' && one.source !== 'github');
}

/** Returns the store's name in messages. */
export function sourceNoun(source: CacheSource): string {
  return source === 'directory' ? 'cache directory' : 'bucket';
}

/** Returns one clause for the log: `The bucket is unavailable: connection refused`. */
export function describeUnserved({ source, error }: Unserved, nameInput: NameInput): string {
  if (source === 'github') return error.message;
  const noun = sourceNoun(source);
  if (error instanceof NameTooLongError) return `The ${noun} cannot store this key: ${error.message}`;
  if (error instanceof StoreUnavailableError) return `The ${noun} is unavailable: ${error.message}`;
  const reason = `${error.settings.length === 0 ? ':' : ','} ${error.advise(nameInput)}`;
  // The word is not 'refuses', because a certificate, credentials or a role may fail before the bucket receives a request
  return `The ${noun} cannot be used${reason}`;
}
