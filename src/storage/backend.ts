import type { PathLayout } from '../archive/fs/paths/layout.ts';
import type { CompressionLevel } from '../archive/save/compression-levels.ts';
import type { Counters, ObjectVersion } from './object-store.ts';
import type { LookupOutcome, RestoreOutcome, SaveOutcome } from './outcomes.ts';

/**
 * The port to a cache, which maps keys to directories. `archive-backend.ts` (archives in any object store) and `github/`
 * (`@actions/cache`) implement it; `fallback.ts` joins two of them.
 */

/** A place of caches (of a ref, of the repository, of the bucket) and its rules for object names. */
export interface KeyPlace {
  /** Name for the log: `refs/heads/main`, `repository`, `bucket`. */
  readonly label: string;
  /** Returns the name of the object of `key` in this step's version. */
  objectName(key: string): string;
  /** Returns the prefix of every object, of any version, whose key starts with `keyPrefix`. */
  listPrefix(keyPrefix: string): string;
  /** The prefix of all objects of the place. */
  readonly root: string;
  /** Returns the key and version in an object name. Returns undefined if it is not a name of this place. */
  parse(objectName: string): { readonly key: string; readonly version: string } | undefined;
}

/** All places of a repository, for the diagnosis of a miss. */
export interface RepositoryPlaces {
  /** The prefix of all their objects. */
  readonly root: string;
  /** Returns the label, key and version in an object name. Returns undefined if it is not a name of these places. */
  parse(
    objectName: string,
  ): { readonly label: string; readonly key: string; readonly version: string } | undefined;
}

export interface LookupRequest {
  readonly primaryKey: string;
  readonly restoreKeys: readonly string[];
  /** The `path` lines of the step, trimmed, without empty lines. */
  readonly paths: readonly string[];
  readonly crossOs: boolean;
  /** The version in object names (64 hex digits). GitHub's cache computes another one. */
  readonly version: string;
  /** The places that the step reads, nearest first. */
  readonly places: readonly KeyPlace[];
  /** Returns the name of the marker that notes the last use of an object. Returns undefined if no use is noted. */
  markerName(objectName: string): string | undefined;
  /** The places in which a diagnosis searches. Undefined if the step reads all caches of its scope. */
  readonly elsewhere?: RepositoryPlaces | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface RestoreRequest extends LookupRequest {
  readonly layout: PathLayout;
  /** Returns the paths that the step includes (`StepLayout.includedPaths`), for the records of the job. Reads the disk. */
  includedPaths(): readonly string[];
  /** `<run number>-<8 hex digits>`, for the names of staging directories (archive/fs/paths/staging-name.ts). */
  readonly runLabel: string;
  /** Whether to fetch only entries that differ from the disk (input `warm-restore`). */
  readonly isWarm: boolean;
  /** Whether a post phase may save the tree. The restore then hashes contents, which makes that save faster. */
  readonly savesLater: boolean;
}

export interface SaveRequest {
  readonly key: string;
  readonly paths: readonly string[];
  readonly crossOs: boolean;
  readonly version: string;
  readonly place: KeyPlace;
  readonly layout: PathLayout;
  readonly compressionLevel: CompressionLevel;
  /** Whether to replace an entry of the same key (input `overwrite`). */
  readonly overwrite: boolean;
  /** The object that this step found damaged, which may be replaced, as may one that a restore/ step has recorded. */
  readonly damaged: ObjectVersion | undefined;
  /** The object that this step restored, for an incremental save. */
  readonly base: ObjectVersion | undefined;
  /** The input `upload-chunk-size` in bytes. The part size is this value, limited by `partSize`. */
  readonly uploadChunkSizeBytes: number | undefined;
  /** Repository, ref, sha, run id and attempt, for the manifest's head. */
  readonly origin: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

/** A store of caches. No method rejects: a failure is an outcome. */
export interface StorageBackend {
  lookup(request: LookupRequest): Promise<LookupOutcome>;
  restore(request: RestoreRequest): Promise<RestoreOutcome>;
  save(request: SaveRequest): Promise<SaveOutcome>;
  readonly counters: Counters;
  close(): void;
}
