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
  /** For the log: `refs/heads/main`, `repository`, `bucket`. */
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

/** Places that a step does not read, for the diagnosis of a miss. */
export interface Elsewhere {
  /** The prefix of all their objects. */
  readonly root: string;
  /** Returns the label of the scope, the key and the version in an object name, undefined if it is not one of them. */
  parse(
    objectName: string,
  ): { readonly label: string; readonly key: string; readonly version: string } | undefined;
}

export interface LookupRequest {
  readonly primaryKey: string;
  readonly restoreKeys: readonly string[];
  /** The raw `path` lines of the step, trimmed, without empty ones. */
  readonly paths: readonly string[];
  readonly crossOs: boolean;
  /** Our version (64 hex digits). GitHub's cache computes its own. */
  readonly version: string;
  /** The places that the step reads, nearest first. */
  readonly places: readonly KeyPlace[];
  /** Returns the name of the object that notes the last use of another. Returns undefined if it has none. */
  markerName(objectName: string): string | undefined;
  /** Undefined if the step reads all places of its scope. */
  readonly elsewhere?: Elsewhere | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface RestoreRequest extends LookupRequest {
  readonly layout: PathLayout;
  /** Returns the paths that the step includes (`StepLayout.includedPaths`), for the records of the job. Reads the disk. */
  includedPaths(): readonly string[];
  /** `<run number>-<8 hex digits>`, for the names of staging directories (archive/fs/paths/staging-name.ts). */
  readonly runLabel: string;
  /** Fetch only entries that differ from the disk (input `warm-restore`). */
  readonly warm: boolean;
  /** This step's own post phase may save the tree: the restore takes a little longer to make that save cheaper. */
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
  /** Replace an entry of the same key (input `overwrite`). */
  readonly overwrite: boolean;
  /** An object that this step found damaged: it may be replaced. So may one that a restore/ has recorded. */
  readonly damaged: ObjectVersion | undefined;
  /** The object that this step restored, for an incremental save. */
  readonly base: ObjectVersion | undefined;
  /** actions/cache's `upload-chunk-size`; our part size where it is within S3's limits. */
  readonly uploadChunkSizeBytes: number | undefined;
  /** Repository, ref, sha, run id and attempt, for the manifest's head. */
  readonly origin: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

/** No method rejects: a failure is an outcome. */
export interface StorageBackend {
  lookup(request: LookupRequest): Promise<LookupOutcome>;
  restore(request: RestoreRequest): Promise<RestoreOutcome>;
  save(request: SaveRequest): Promise<SaveOutcome>;
  readonly counters: Counters;
  close(): void;
}
