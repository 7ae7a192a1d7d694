import { DamagedArchiveError, TargetTreeError, UnusableArchiveError } from '../../archive/archive-errors.ts';
import { TAIL_BYTES } from '../../archive/format/limits.ts';
import type { Log } from '../../report/log.ts';
import { countOf } from '../../report/units.ts';
import type { LookupRequest, RestoreRequest, SaveRequest, StorageBackend } from '../backend.ts';
import { type ObjectStore, STALE_UPLOAD_MS } from '../object-store.ts';
import { type Hit, outcomeOfError, type Rejected, type RestoreOutcome } from '../outcomes.ts';
import { ObjectMissingError, ObjectReplacedError, StoreUnavailableError } from '../store-errors.ts';
import type { ArchiveBackendOptions } from './archive-options.ts';
import { type FoundObject, findObject } from './find-object.ts';
import { noteUse, type UseNote } from './note-use.ts';

/** Attempts of a restore whose object is replaced while it is read. */
const RESTORE_ATTEMPTS = 3;

/** Maximum number of damaged or unusable objects that a restore skips. For each, all data may have been downloaded. */
const MAX_REJECTED = 3;

/** Creates the backend of archives in an object store. Loads the code that packs or unpacks only for a save or a hit. */
export function createArchiveBackend(store: ObjectStore, options: ArchiveBackendOptions): StorageBackend {
  return {
    get counters() {
      return store.counters;
    },
    close: () => store.close(),
    async lookup(request) {
      try {
        requireZstd();
        const found = await findObject(store, request, 0);
        if (found.kind === 'miss') return found;
        await noteUseOf(store, found, request).finish();
        return hitOf(store, found, request);
      } catch (error) {
        return outcomeOfError(error, store.kind, request.signal);
      }
    },
    async restore(request) {
      const rejected: Rejected[] = [];
      const attemptOptions = { ...options, log: withoutRepeats(options.log) };
      while (rejected.length < MAX_REJECTED) {
        const outcome = await restoreBest(store, request, rejected, attemptOptions);
        if (!isRejected(outcome)) return rejected.length === 0 ? outcome : { ...outcome, rejected };
        rejected.push(outcome);
      }
      return { kind: 'miss', diagnosis: undefined, rejected };
    },
    async save(request) {
      try {
        requireZstd();
        const { saveObject } = await import('./archive-save.ts');
        const outcome = await saveObject(store, request, options);
        if (outcome.kind === 'saved') await sweep(store, request, options);
        return outcome;
      } catch (error) {
        return outcomeOfError(error, store.kind, request.signal);
      }
    },
  };
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

/** Restores the best match that is not among the rejected ones. Turns each error into an outcome. */
async function restoreBest(
  store: ObjectStore,
  request: RestoreRequest,
  rejected: readonly Rejected[],
  options: ArchiveBackendOptions,
): Promise<RestoreOutcome | Rejected> {
  try {
    requireZstd();
    return await restoreUnreplaced(
      store,
      request,
      new Set(rejected.map(({ object }) => object.name)),
      options,
    );
  } catch (error) {
    const outcome = outcomeOfError(error, store.kind, request.signal);
    return outcome.kind === 'failed' ? { ...outcome, treeChanged: false } : outcome;
  }
}

async function restoreUnreplaced(
  store: ObjectStore,
  request: RestoreRequest,
  rejected: ReadonlySet<string>,
  options: ArchiveBackendOptions,
): Promise<RestoreOutcome | Rejected> {
  for (let attempt = 1; ; attempt++) {
    const found = await findObject(store, request, TAIL_BYTES, rejected);
    if (found.kind === 'miss') return found;
    const use = noteUseOf(store, found, request);
    try {
      const { restoreObject } = await import('./archive-restore.ts');
      const restored = await restoreObject(store, found, request, options);
      await use.finish();
      return { ...hitOf(store, found, request), ...restored };
    } catch (error) {
      use.abort();
      // Another job has replaced the object: the new one matches too
      if (error instanceof ObjectReplacedError && attempt < RESTORE_ATTEMPTS) continue;
      return await explain(error, store, found, request, options);
    }
  }
}

function noteUseOf(store: ObjectStore, found: FoundObject, request: LookupRequest): UseNote {
  return noteUse(store, found, request.markerName(found.name));
}

/** Returns the outcome of an error that the object or the tree has caused. Throws any other error. */
async function explain(
  error: unknown,
  store: ObjectStore,
  found: FoundObject,
  request: RestoreRequest,
  { records }: ArchiveBackendOptions,
): Promise<RestoreOutcome | Rejected> {
  const { name, etag, key } = found;
  const object = { name, etag };
  if (error instanceof UnusableArchiveError) return { kind: 'unusable', key, object, error };
  if (error instanceof TargetTreeError) return { kind: 'failed', error, treeChanged: error.treeChanged };
  let damage = error;
  if (error instanceof ObjectMissingError) {
    const { damageOf } = await import('./archive-restore.ts');
    damage = await damageOf(store, object, error, request.signal);
  }
  if (!(damage instanceof DamagedArchiveError)) throw error;
  records.markDamaged(object);
  return { kind: 'damaged', key, object, error: damage };
}

function hitOf(
  { kind: source }: ObjectStore,
  { key, name, etag, sizeBytes }: FoundObject,
  { primaryKey }: LookupRequest,
): Hit {
  return { kind: 'hit', source, key, exact: key === primaryKey, sizeBytes, object: { name, etag } };
}

/** Aborts uploads of killed jobs. The save is complete, so a failure of this is only a debug line. */
async function sweep(
  store: ObjectStore,
  { place, signal }: SaveRequest,
  { log }: ArchiveBackendOptions,
): Promise<void> {
  try {
    const isOwn = (name: string) => place.parse(name) !== undefined;
    const count = await store.abortStale(place.root, STALE_UPLOAD_MS, { isOwn, signal });
    if (count > 0) log.info(`Aborted ${countOf(count, 'unfinished upload')} of earlier jobs.`);
  } catch (error) {
    log.debug(`Unfinished uploads were not aborted: ${(error as Error).message}`);
  }
}

/** Throws `StoreUnavailableError` if Node.js has no zstd, as version 20 on 32-bit ARM runners. 22.15 and 24 have it. */
function requireZstd(): void {
  if (process.versions.zstd !== undefined) return;
  throw new StoreUnavailableError(
    `Node.js ${process.versions.node} of this runner has no zstd: put Node.js 24 in PATH`,
  );
}
