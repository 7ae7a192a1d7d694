import type { PathLayout } from '../archive/fs/layout.ts';
import type { ObjectVersion } from './object-store.ts';
import type { DamagedObject, LookupOutcome, RestoreOutcome, SaveOutcome } from './outcomes.ts';

/**
 * The port to a cache: keys in, directories out. `archive-backend.ts` (archives over any object store) and `github/`
 * (`@actions/cache`) implement it; `fallback.ts` is the one place that decides when the second is asked.
 */

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

export interface RestoreRequest extends LookupRequest {
  readonly layout: PathLayout;
  /** `<run number>-<8 hex digits>`, for the names of staging directories (archive/fs/staging-name.ts). */
  readonly runLabel: string;
  /** Take only what differs from the disk (input `warm-restore`). */
  readonly warm: boolean;
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
  /** actions/cache's `upload-chunk-size`; our part size where it is within S3's limits. */
  readonly uploadChunkSizeBytes: number | undefined;
  /** Goes into the manifest's head, for people: repository, ref, sha, run id and attempt. */
  readonly origin: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

/** No method rejects: a failure is an outcome. */
export interface StorageBackend {
  lookup(request: LookupRequest): Promise<LookupOutcome>;
  restore(request: RestoreRequest): Promise<RestoreOutcome>;
  save(request: SaveRequest): Promise<SaveOutcome>;
  /** Requests to the server and retries among them, so far in this process. */
  readonly counters: { readonly requests: number; readonly retries: number };
  close(): void;
}
