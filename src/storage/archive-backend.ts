import { DamagedArchiveError, UnknownFormatError } from '../archive/archive-errors.ts';
import { TAIL_BYTES } from '../archive/tail-bytes.ts';
import { writeDamaged } from '../records/damaged-record.ts';
import type { ArchiveBackendOptions } from './archive-options.ts';
import type {
  CacheMatch,
  CacheSource,
  DamagedObject,
  LookupRequest,
  RestoreOutcome,
  RestoreRequest,
  SaveOutcome,
  SaveRequest,
  StorageBackend,
} from './backend.ts';
import { type FoundObject, findObject, type LookupResult } from './find-object.ts';
import type { ObjectStore } from './object-store.ts';
import { ObjectGoneError, ObjectReplacedError } from './store-errors.ts';

/** How often a restore starts over when its object is replaced underneath it. */
const RESTORE_ATTEMPTS = 3;
const STALE_UPLOAD_MS = 24 * 60 * 60 * 1000;

/** What a lookup saw of its key where it could not use it. */
type Seen = Omit<LookupResult, 'found'>;
const NOTHING: Seen = { keyInOtherVersion: false, elsewhere: undefined };

/**
 * Caches as archives in an object store. What unpacks and what packs is loaded once there is something to unpack or to
 * pack: a miss does without.
 */
export function createArchiveBackend(store: ObjectStore, options: ArchiveBackendOptions): StorageBackend {
  return new ArchiveBackend(store, options);
}

class ArchiveBackend implements StorageBackend {
  readonly source: Exclude<CacheSource, 'none' | 'github'>;
  readonly #store: ObjectStore;
  readonly #options: ArchiveBackendOptions;
  /** What a question that found nothing has seen of its key, so that the diagnosis asks nobody again. */
  readonly #seen = new WeakMap<LookupRequest['plan'], Seen>();

  constructor(store: ObjectStore, options: ArchiveBackendOptions) {
    this.#store = store;
    this.#options = options;
    this.source = store.kind;
  }

  get counters(): StorageBackend['counters'] {
    return this.#store.counters;
  }

  close(): void {
    this.#store.close();
  }

  async lookup(request: LookupRequest): Promise<CacheMatch | undefined> {
    const found = await this.#find(request, 0);
    return found && this.#match(found, request);
  }

  async diagnose(request: LookupRequest): Promise<string | undefined> {
    if (!this.#seen.has(request.plan)) await this.#find(request, 0);
    return whyMissed(request.primaryKey, this.#seen.get(request.plan) ?? NOTHING);
  }

  async restore(request: RestoreRequest): Promise<RestoreOutcome | undefined> {
    for (let attempt = 1; ; attempt++) {
      const found = await this.#find(request, TAIL_BYTES);
      if (!found) return undefined;
      try {
        const { restoreObject } = await import('./archive-restore.ts');
        const restored = await restoreObject(this.#store, found, request, this.#options);
        return { ...this.#match(found, request), ...restored };
      } catch (error) {
        // Replaced by another job: what stands there now is as good a match
        if (error instanceof ObjectReplacedError && attempt < RESTORE_ATTEMPTS) continue;
        const { name, etag, key } = found;
        if (error instanceof UnknownFormatError) {
          this.#options.log.notice(`The object of key '${key}' is not used: ${error.message}.`);
          return undefined;
        }
        const damage = await this.#damage(error, found, request);
        if (!damage) throw error;
        damage.object = { name, etag, key };
        this.#remember(damage.object, request);
        throw damage;
      }
    }
  }

  /** What is wrong with the object itself; undefined: nothing that this failure would tell. */
  async #damage(
    error: unknown,
    { name, etag }: FoundObject,
    request: RestoreRequest,
  ): Promise<DamagedArchiveError | undefined> {
    if (error instanceof DamagedArchiveError) return error;
    if (!(error instanceof ObjectGoneError)) return undefined;
    // radosgw can keep an object's entry without its data (ceph/ceph#60771)
    const present = await this.#store.head(name, { signal: request.signal });
    if (present?.etag !== etag) return undefined;
    return new DamagedArchiveError('the store lists it, but has no data of it', { cause: error });
  }

  /** For a save/ of this job. Without it the object stays as it is, so nothing here fails the restore. */
  #remember(object: DamagedObject, { recordDirectory }: RestoreRequest): void {
    if (recordDirectory === undefined) return;
    try {
      writeDamaged(recordDirectory, object);
    } catch (error) {
      this.#options.log.debug(`No record of the damage was kept: ${(error as Error).message}`);
    }
  }

  async save(request: SaveRequest): Promise<SaveOutcome> {
    const { saveObject } = await import('./archive-save.ts');
    const outcome = await saveObject(this.#store, request, this.#options);
    if (outcome.result === 'saved') await this.#sweep(request);
    return outcome;
  }

  async #find(request: LookupRequest, tailBytes: number): Promise<FoundObject | undefined> {
    const { found, ...seen } = await findObject(this.#store, request, tailBytes);
    this.#seen.set(request.plan, found ? NOTHING : seen);
    return found;
  }

  #match(found: FoundObject, request: LookupRequest): CacheMatch {
    return {
      source: this.source,
      key: found.key,
      exact: found.key === request.primaryKey,
      sizeBytes: found.sizeBytes,
      object: { name: found.name, etag: found.etag },
    };
  }

  /** Uploads that a killed job left behind. The save is done: nothing that goes wrong here matters to it. */
  async #sweep(request: SaveRequest): Promise<void> {
    try {
      const { space, staleUploadMs = STALE_UPLOAD_MS, signal } = request;
      const count = await this.#store.abortStale(space.root, staleUploadMs, { signal });
      if (count > 0) this.#options.log.info(`Aborted ${count} unfinished uploads of earlier jobs.`);
    } catch (error) {
      this.#options.log.debug(`Unfinished uploads were not looked for: ${(error as Error).message}`);
    }
  }
}

/** One line on what stood in the way; undefined: nothing did, or nothing is known. */
function whyMissed(key: string, { keyInOtherVersion, elsewhere }: Seen): string | undefined {
  if (keyInOtherVersion)
    return `The key '${key}' exists, but it was saved with other paths or on another operating system.`;
  if (!elsewhere) return undefined;
  const place = `The key '${key}' exists for ${elsewhere.label}, which this run does not read (input \`scope\`)`;
  return elsewhere.sameVersion
    ? `${place}.`
    : `${place}, and it was saved with other paths or on another operating system.`;
}
