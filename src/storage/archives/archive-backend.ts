import { DamagedArchiveError, TargetTreeError, UnusableArchiveError } from '../../archive/archive-errors.ts';
import { TAIL_BYTES } from '../../archive/format/limits.ts';
import type { Log } from '../../report/log.ts';
import { countOf } from '../../report/units.ts';
import type { LookupRequest, RestoreRequest, SaveRequest, StorageBackend } from '../backend.ts';
import { type Counters, type ObjectStore, STALE_UPLOAD_MS } from '../object-store.ts';
import {
  type Hit,
  type LookupOutcome,
  outcomeOfError,
  type Rejected,
  type RestoreOutcome,
  type SaveOutcome,
} from '../outcomes.ts';
import { ObjectMissingError, ObjectReplacedError, StoreUnavailableError } from '../store-errors.ts';
import type { ArchiveBackendOptions } from './archive-options.ts';
import { type FoundObject, findObject } from './find-object.ts';
import { noteUse, type UseNote } from './note-use.ts';

/** Maximum number of damaged or unusable objects that a restore skips. For each, all data may have been downloaded. */
const MAX_REJECTED = 3;

/** Maximum number of repeats in a restore because an object was replaced or missing when it was read. All its objects share them. */
const MAX_REPEATS = 2;

/** The restore must be repeated, because its object was replaced or is missing. The repeat skips the name of a missing one. */
interface Repeat {
  readonly kind: 'repeat';
  /**
   * Name of an object that does not exist. It may still be listed: radosgw keeps an entry whose object is lost, also after a
   * deletion (16.2.15, tried).
   */
  readonly missing?: string;
}

/** The backend of archives in an object store. Loads the code that packs or unpacks only for a save or a hit. */
export class ArchiveBackend implements StorageBackend {
  readonly #store: ObjectStore;
  readonly #options: ArchiveBackendOptions;

  constructor(store: ObjectStore, options: ArchiveBackendOptions) {
    this.#store = store;
    this.#options = options;
  }

  get counters(): Counters {
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
      return this.#hitOf(found, request);
    } catch (error) {
      return outcomeOfError(error, this.#store.kind, request.signal);
    }
  }

  async restore(request: RestoreRequest): Promise<RestoreOutcome> {
    const rejected: Rejected[] = [];
    const missing: string[] = [];
    const options = { ...this.#options, log: withoutRepeats(this.#options.log) };
    let repeats = 0;
    while (rejected.length < MAX_REJECTED) {
      const names = new Set([...missing, ...rejected.map(({ object }) => object.name)]);
      const mayRepeat = repeats < MAX_REPEATS;
      const outcome = await this.#restoreBest(request, names, options, mayRepeat).catch(
        (error): RestoreOutcome => {
          const failure = outcomeOfError(error, this.#store.kind, request.signal);
          return failure.kind === 'failed' ? { ...failure, treeChanged: false } : failure;
        },
      );
      if (outcome.kind === 'repeat') {
        repeats++;
        if (outcome.missing !== undefined) missing.push(outcome.missing);
        continue;
      }
      if (!isRejected(outcome)) return rejected.length === 0 ? outcome : { ...outcome, rejected };
      rejected.push(outcome);
    }
    return { kind: 'miss', diagnosis: undefined, rejected };
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

  /**
   * Restores the best match whose name is not among the rejected ones. Returns `Repeat` if its object was replaced or missing when
   * it was read and `mayRepeat` is set. Throws the errors that neither object nor tree caused.
   */
  async #restoreBest(
    request: RestoreRequest,
    rejected: ReadonlySet<string>,
    options: ArchiveBackendOptions,
    mayRepeat: boolean,
  ): Promise<RestoreOutcome | Rejected | Repeat> {
    requireZstd();
    const found = await findObject(this.#store, request, TAIL_BYTES, rejected);
    if (found.kind === 'miss') return found;
    const use = this.#noteUse(found, request);
    try {
      const { restoreObject } = await import('./archive-restore.ts');
      const restored = await restoreObject(this.#store, found, request, options);
      await use.finish();
      return { ...this.#hitOf(found, request), ...restored };
    } catch (error) {
      use.abort();
      if (
        error instanceof ObjectMissingError &&
        !(await this.#store.head(found.name, { signal: request.signal }))
      ) {
        options.log.debug(error.message);
        return mayRepeat ? { kind: 'repeat', missing: found.name } : { kind: 'miss', diagnosis: undefined };
      }
      if (error instanceof ObjectReplacedError && mayRepeat) return { kind: 'repeat' };
      return await this.#explain(error, found, request);
    }
  }

  #noteUse(found: FoundObject, request: LookupRequest): UseNote {
    return noteUse(this.#store, found, request.markerName(found.name));
  }

  #hitOf({ key, name, etag, sizeBytes }: FoundObject, { primaryKey }: LookupRequest): Hit {
    const source = this.#store.kind;
    return { kind: 'hit', source, key, exact: key === primaryKey, sizeBytes, object: { name, etag } };
  }

  /** Returns the outcome of an error that the object or the tree has caused. Throws any other error. */
  async #explain(
    error: unknown,
    { name, etag, key }: FoundObject,
    { signal }: RestoreRequest,
  ): Promise<RestoreOutcome | Rejected> {
    const object = { name, etag };
    if (error instanceof UnusableArchiveError) return { kind: 'unusable', key, object, error };
    if (error instanceof TargetTreeError) return { kind: 'failed', error, treeChanged: error.treeChanged };
    let damage = error;
    if (error instanceof ObjectMissingError) {
      const { damageOf } = await import('./archive-restore.ts');
      damage = await damageOf(this.#store, object, error, signal);
    }
    if (!(damage instanceof DamagedArchiveError)) throw error;
    this.#options.records.markDamaged(object);
    return { kind: 'damaged', key, object, error: damage };
  }

  /** Aborts uploads of killed jobs. The save is complete, so a failure of this is only a debug line. */
  async #sweep({ place, signal }: SaveRequest): Promise<void> {
    const { log } = this.#options;
    try {
      const isOwn = (name: string) => place.parse(name) !== undefined;
      const count = await this.#store.abortStale(place.root, STALE_UPLOAD_MS, { isOwn, signal });
      if (count > 0) log.info(`Aborted ${countOf(count, 'unfinished upload')} of earlier jobs.`);
    } catch (error) {
      log.debug(`Unfinished uploads were not aborted: ${(error as Error).message}`);
    }
  }
}

/** Returns a log that skips a line it has logged before: each attempt of a restore finds the same problems of the machine. */
function withoutRepeats(log: Log): Log {
  const logged = new Set<string>();
  const once = (write: Log['info']) => (line: string) => {
    if (!logged.has(line)) write(line);
    logged.add(line);
  };
  return { ...log, info: once(log.info), notice: once(log.notice), warning: once(log.warning) };
}

function isRejected(outcome: RestoreOutcome | Rejected): outcome is Rejected {
  return outcome.kind === 'damaged' || outcome.kind === 'unusable';
}

/** Throws `StoreUnavailableError` if Node.js has no zstd, as version 20 on 32-bit ARM runners. 22.15 and 24 have it. */
function requireZstd(): void {
  if (process.versions.zstd !== undefined) return;
  throw new StoreUnavailableError(
    `Node.js ${process.versions.node} of this runner has no zstd: put Node.js 24 in PATH`,
  );
}
