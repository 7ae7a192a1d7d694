import { DamagedArchiveError, TargetTreeError, UnusableArchiveError } from '../archive/archive-errors.ts';
import { TAIL_BYTES } from '../archive/format/limits.ts';
import { countOf } from '../report/units.ts';
import type { ArchiveBackendOptions } from './archive-options.ts';
import type { LookupRequest, RestoreRequest, SaveRequest, StorageBackend } from './backend.ts';
import { type FoundObject, findObject } from './find-object.ts';
import { noteUse, type UseNote } from './note-use.ts';
import { type ObjectStore, STALE_UPLOAD_MS } from './object-store.ts';
import {
  type Hit,
  type LookupOutcome,
  outcomeOfError,
  type RestoreOutcome,
  type SaveOutcome,
} from './outcomes.ts';
import { ObjectMissingError, ObjectReplacedError, StoreUnavailableError } from './store-errors.ts';

/** How often a restore starts over when its object is replaced underneath it. */
const RESTORE_ATTEMPTS = 3;

/** Caches as archives in an object store. The code that packs and unpacks is loaded when it is needed: a miss needs none. */
export function createArchiveBackend(store: ObjectStore, options: ArchiveBackendOptions): StorageBackend {
  return new ArchiveBackend(store, options);
}

class ArchiveBackend implements StorageBackend {
  readonly #store: ObjectStore;
  readonly #options: ArchiveBackendOptions;

  constructor(store: ObjectStore, options: ArchiveBackendOptions) {
    this.#store = store;
    this.#options = options;
  }

  get counters(): StorageBackend['counters'] {
    return this.#store.counters;
  }

  close(): void {
    this.#store.close();
  }

  async lookup(request: LookupRequest): Promise<LookupOutcome> {
    try {
      requireZstd();
      const found = await findObject(this.#store, request, 0);
      if (found.kind === 'miss') return found;
      await this.#noteUse(found, request).finish();
      return this.#hit(found, request);
    } catch (error) {
      return outcomeOfError(error, this.#store.kind, request.signal);
    }
  }

  async restore(request: RestoreRequest): Promise<RestoreOutcome> {
    try {
      requireZstd();
      for (let attempt = 1; ; attempt++) {
        const found = await findObject(this.#store, request, TAIL_BYTES);
        if (found.kind === 'miss') return found;
        try {
          return await this.#restoreFound(found, request);
        } catch (error) {
          // Replaced by another job: the new object is a match too
          if (error instanceof ObjectReplacedError && attempt < RESTORE_ATTEMPTS) continue;
          return await this.#explain(error, found, request);
        }
      }
    } catch (error) {
      const outcome = outcomeOfError(error, this.#store.kind, request.signal);
      return outcome.kind === 'failed' ? { ...outcome, treeChanged: false } : outcome;
    }
  }

  async #restoreFound(found: FoundObject, request: RestoreRequest): Promise<RestoreOutcome> {
    const use = this.#noteUse(found, request);
    try {
      const { restoreObject } = await import('./archive-restore.ts');
      const restored = await restoreObject(this.#store, found, request, this.#options);
      await use.finish();
      return { ...this.#hit(found, request), ...restored };
    } finally {
      use.abort();
    }
  }

  #noteUse(found: FoundObject, request: LookupRequest): UseNote {
    return noteUse(this.#store, found, request.markerName(found.name));
  }

  /** Returns the outcome of an error that the object or the tree has caused. Throws any other error. */
  async #explain(error: unknown, found: FoundObject, request: RestoreRequest): Promise<RestoreOutcome> {
    const { name, etag, key } = found;
    if (error instanceof UnusableArchiveError) return { kind: 'unusable', key, error };
    if (error instanceof TargetTreeError) return { kind: 'failed', error, treeChanged: error.treeChanged };
    const damage = error instanceof ObjectMissingError ? await this.#damageOf(found, request, error) : error;
    if (!(damage instanceof DamagedArchiveError)) throw error;
    const object = { name, etag };
    this.#options.records.markDamaged(object);
    return { kind: 'damaged', object, error: damage };
  }

  /**
   * Returns the damage of an object that is listed and has no data, as radosgw may leave it (ceph/ceph#60771). Returns
   * undefined if it is no longer listed.
   */
  async #damageOf(
    { name, etag }: FoundObject,
    { signal }: RestoreRequest,
    cause: ObjectMissingError,
  ): Promise<DamagedArchiveError | undefined> {
    const present = await this.#store.head(name, { signal });
    if (present?.etag !== etag) return undefined;
    return new DamagedArchiveError('the store lists it, but returns no data', { cause });
  }

  async save(request: SaveRequest): Promise<SaveOutcome> {
    try {
      requireZstd();
      const { saveObject } = await import('./archive-save.ts');
      const outcome = await saveObject(this.#store, request, this.#options);
      if (outcome.kind === 'saved') await this.#sweep(request);
      return outcome;
    } catch (error) {
      return outcomeOfError(error, this.#store.kind, request.signal);
    }
  }

  #hit({ key, name, etag, sizeBytes }: FoundObject, { primaryKey }: LookupRequest): Hit {
    const { kind: source } = this.#store;
    return { kind: 'hit', source, key, exact: key === primaryKey, sizeBytes, object: { name, etag } };
  }

  /** Aborts uploads of killed jobs. The save is complete, so a failure here is only a debug line. */
  async #sweep({ space, signal }: SaveRequest): Promise<void> {
    try {
      const isOwn = (name: string) => space.parse(name) !== undefined;
      const count = await this.#store.abortStale(space.root, STALE_UPLOAD_MS, { isOwn, signal });
      if (count > 0) {
        this.#options.log.info(`Aborted ${countOf(count, 'unfinished upload')} of earlier jobs.`);
      }
    } catch (error) {
      this.#options.log.debug(`Unfinished uploads were not aborted: ${(error as Error).message}`);
    }
  }
}

/** Node 22.15 and 24 have it; 32-bit ARM runners fall back to Node 20. */
function requireZstd(): void {
  if (process.versions.zstd !== undefined) return;
  throw new StoreUnavailableError(`Node.js ${process.versions.node} of this runner has no zstd`);
}
