import type { PathLayout } from '../archive/fs/layout.ts';
import type { ObjectVersion } from './object-store.ts';

/**
 * The port to a cache: keys in, directories out. `archive-backend.ts` (archives over any object store) and `github/`
 * (`@actions/cache`) implement it; `fallback.ts` is the one place that decides when the second is asked.
 */

export type CacheSource = 's3' | 'directory' | 'github' | 'none';

/** One place where entries live (a ref's, the repository's, the bucket's), and how it spells names. */
export interface KeySpace {
  /** For people: `refs/heads/main`, `repository`, `bucket`. */
  readonly label: string;
  /** The object that holds `key` in this step's version. */
  objectName(key: string): string;
  /** The prefix that lists every object, of any version, whose key starts with `keyPrefix`. */
  listPrefix(keyPrefix: string): string;
  /** The prefix of everything in this place (for the sweep of stale uploads). */
  readonly root: string;
  /** The key and version of an object name below this place; undefined: not one of ours. */
  parse(objectName: string): { readonly key: string; readonly version: string } | undefined;
}

/** All places next to those that a step reads, to tell after a miss that the key exists in one of them. */
export interface Elsewhere {
  /** The prefix of all those places. */
  readonly root: string;
  /** Of an object name: the label of its place (`KeySpace.label` where the step reads it), key and version. */
  parse(
    objectName: string,
  ): { readonly label: string; readonly key: string; readonly version: string } | undefined;
}

/** One question of a lookup. The first of a plan that has an answer wins; of several answers the newest. */
export interface MatchStep {
  readonly kind: 'exact' | 'prefix';
  readonly space: KeySpace;
  readonly key: string;
}

export interface LookupRequest {
  readonly primaryKey: string;
  readonly restoreKeys: readonly string[];
  /** The raw `path` lines of the step, trimmed, without empty ones. */
  readonly paths: readonly string[];
  readonly crossOs: boolean;
  /** Our version (64 hex digits). GitHub's cache computes its own. */
  readonly version: string;
  /** The questions in order of precedence (src/cache/keys/match-order.ts). */
  readonly plan: readonly MatchStep[];
  /** Where a diagnosis may look; undefined: there is no other place. */
  readonly elsewhere?: Elsewhere | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface CacheMatch {
  readonly source: Exclude<CacheSource, 'none'>;
  readonly key: string;
  /** `key` equals the primary key, letter for letter. */
  readonly exact: boolean;
  /** Size of the stored object in bytes; undefined where the backend does not tell. */
  readonly sizeBytes: number | undefined;
  /** The object, where there is one. */
  readonly object?: ObjectVersion;
}

export interface RestoreRequest extends LookupRequest {
  readonly layout: PathLayout;
  /** `<run number>-<8 hex digits>`, for the names of staging directories (archive/fs/staging-name.ts). */
  readonly runLabel: string;
  /** Take only what differs from the disk (input `warm-restore`). */
  readonly warm: boolean;
  /** RUNNER_TEMP, for the records of what was restored or found damaged; undefined: no record. */
  readonly recordDirectory: string | undefined;
}

export interface RestoreOutcome extends CacheMatch {
  /** Directory entries written; undefined where the backend does not tell. */
  readonly entries: number | undefined;
  /** Uncompressed bytes of file data written. */
  readonly rawBytes: number | undefined;
}

/** What stands in the way of a restore although the key matched: reported, treated as a miss, replaced by the save. */
export interface DamagedObject extends ObjectVersion {
  readonly key: string;
}

export interface SaveRequest {
  readonly key: string;
  readonly paths: readonly string[];
  readonly crossOs: boolean;
  readonly version: string;
  readonly space: KeySpace;
  readonly layout: PathLayout;
  /** zstd level, 1 to 19. */
  readonly compressionLevel: number;
  /** Replace an entry of the same key (input `overwrite`). */
  readonly overwrite: boolean;
  /** An object of this name and ETag is damaged and may be replaced. (So may one that a restore/ has recorded.) */
  readonly damaged: DamagedObject | undefined;
  /** What this job restored, for an incremental save. */
  readonly base: ObjectVersion | undefined;
  readonly recordDirectory: string | undefined;
  /** actions/cache's `upload-chunk-size`; our part size where it is within S3's limits. */
  readonly uploadChunkSizeBytes: number | undefined;
  /** Goes into the manifest's head, for people: repository, ref, sha, run id and attempt. */
  readonly origin: Readonly<Record<string, string>>;
  /** Called when the entry may appear from now on, also if the save is cancelled or ends without an answer. */
  readonly onPublish?: (() => void) | undefined;
  /** Abort unfinished uploads older than this many ms after a save; undefined: 24 h. */
  readonly staleUploadMs?: number;
  readonly signal?: AbortSignal | undefined;
}

export type SaveOutcome =
  | {
      readonly result: 'saved';
      readonly source: Exclude<CacheSource, 'none'>;
      readonly sizeBytes: number | undefined;
      readonly entries: number | undefined;
      readonly rawBytes: number | undefined;
      /** Bytes taken over from the restored object inside the store (incremental save). */
      readonly reusedBytes: number;
    }
  /** Another job has saved this key already. */
  | { readonly result: 'exists'; readonly source: Exclude<CacheSource, 'none'> }
  /** Nothing matched the paths. */
  | { readonly result: 'empty' };

export interface StorageBackend {
  readonly source: Exclude<CacheSource, 'none'>;
  /** undefined: a miss. */
  lookup(request: LookupRequest): Promise<CacheMatch | undefined>;
  /**
   * undefined: a miss. Throws `DamagedArchiveError` (archive/archive-errors.ts) when the object that matched cannot be used:
   * the tree is untouched then.
   */
  restore(request: RestoreRequest): Promise<RestoreOutcome | undefined>;
  save(request: SaveRequest): Promise<SaveOutcome>;
  /** After a miss: one line on why, when the key exists under other paths, OS or scope; undefined: nothing to say. */
  diagnose?(request: LookupRequest): Promise<string | undefined>;
  readonly counters: { readonly requests: number; readonly retries: number };
  close(): void;
}
