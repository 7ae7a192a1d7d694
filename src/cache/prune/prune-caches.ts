import { trimHeap } from '../../archive/memory/trim-heap.ts';
import type { ObjectInfo, ObjectStore } from '../../storage/object-store.ts';
import { StoreRefusedError } from '../../storage/store-errors.ts';
import { type CacheEntry, readInventory, type StrayMarker } from '../inventory.ts';
import { cachesRoot, markerName } from '../keys/cache-names.ts';
import { Compactor } from './compactor.ts';
import { bytesOf, type Deletion, type PruneRules, planPrune } from './plan.ts';

export interface PruneRequest {
  readonly store: ObjectStore;
  /** Input `prefix`. */
  readonly prefix: string;
  /** Read only this repository: `owner/name`. */
  readonly repository?: string | undefined;
  /** Returns whether a cache is deleted and counted. The rules apply to these caches alone. */
  select(entry: CacheEntry): boolean;
  readonly rules: PruneRules;
  /** Decide, and delete nothing. */
  readonly dryRun: boolean;
  readonly signal?: AbortSignal | undefined;
  /** Called for each object that was read. */
  onRead?(): void;
  /** Called for each cache that was deleted, or would be. */
  onDeletion(deletion: Deletion): Promise<void> | void;
}

export interface PruneResult {
  /** Selected caches before the deletions. */
  readonly caches: number;
  readonly bytes: number;
  /** Deleted caches, or those that would be. */
  readonly deletedCaches: number;
  readonly deletedBytes: number;
  /** Deleted markers whose cache did not exist, or those that would be. */
  readonly deletedMarkers: number;
  /** Aborted uploads that were older than a day, or those that would be. Undefined if the credentials do not allow it. */
  readonly abortedUploads: number | undefined;
  /** Decisions that were taken again, because the cache had been used or saved since the listing. */
  readonly changed: number;
  /** Bytes over the limits on sizes, because caches are kept. */
  readonly excessBytes: number;
}

/** Deletions at once. */
const PARALLEL = 8;
/** Bound of plans. A new one is made only for caches that have changed since the last. */
const MAX_PLANS = 100;
/** Objects of a listing between two checks of the heap, which would otherwise keep the garbage of hundreds of pages. */
const TRIM_EVERY = 2000;
const TRIM_ABOVE_BYTES = 64 * 1024 * 1024;
const STALE_UPLOAD_MS = 24 * 60 * 60 * 1000;

/**
 * Deletes caches by rules, with their markers, markers without a cache, and uploads older than a day.
 *
 * Directly before each deletion the object and its marker are read again: if one has changed since it was listed, the
 * decision is taken again with what is known then. It may be ended at any moment, and several may run at once: a cache is
 * deleted before its marker, and a later run removes a marker without a cache. Throws the errors of the store. Work that
 * is under way has ended by then.
 */
export async function pruneCaches(request: PruneRequest): Promise<PruneResult> {
  return new Prune(request).run();
}

class Prune {
  readonly #request: PruneRequest;
  readonly #entries = new Map<string, CacheEntry>();
  readonly #strays: StrayMarker[] = [];
  #deletedCaches = 0;
  #deletedBytes = 0;
  #deletedMarkers = 0;
  #changed = 0;

  constructor(request: PruneRequest) {
    this.#request = request;
  }

  async run(): Promise<PruneResult> {
    await this.#read();
    const caches = this.#entries.size;
    const bytes = bytesOf(this.#entries.values());
    const excessBytes = await this.#deleteByPlans();
    await inParallel(this.#strays, stray => this.#deleteStray(stray));
    const abortedUploads = await this.#abortUploads();
    return {
      caches,
      bytes,
      deletedCaches: this.#deletedCaches,
      deletedBytes: this.#deletedBytes,
      deletedMarkers: this.#deletedMarkers,
      abortedUploads,
      changed: this.#changed,
      excessBytes,
    };
  }

  async #read(): Promise<void> {
    const { store, prefix, repository, signal, select, onRead } = this.#request;
    const compact = new Compactor();
    let read = 0;
    for await (const item of readInventory(store, { prefix, repository, signal })) {
      onRead?.();
      if (++read % TRIM_EVERY === 0) trimHeap(TRIM_ABOVE_BYTES);
      if (item.kind === 'marker') this.#strays.push(compact.marker(item));
      else if (item.kind === 'cache' && select(item)) this.#keep(compact.cache(item));
    }
  }

  #keep(entry: CacheEntry): void {
    this.#entries.set(entry.object.name, entry);
  }

  /** Plans and deletes until nothing has changed meanwhile. Returns the bytes over the limits. */
  async #deleteByPlans(): Promise<number> {
    const { store, rules, dryRun } = this.#request;
    for (let plans = 1; ; plans++) {
      const { deletions, excessBytes } = planPrune([...this.#entries.values()], rules, store.nowMs);
      const before = this.#changed;
      await inParallel(deletions, deletion => this.#delete(deletion));
      if (dryRun || this.#changed === before || plans === MAX_PLANS) return excessBytes;
    }
  }

  async #delete(deletion: Deletion): Promise<void> {
    const { store, signal, dryRun, onDeletion } = this.#request;
    const { entry } = deletion;
    const { name } = entry.object;
    if (!dryRun) {
      const now = await this.#readAgain(entry);
      if (now && !isSame(now, entry)) {
        this.#entries.set(name, now);
        this.#changed++;
        return;
      }
      if (now) await store.delete(name, { signal });
      // Another prune may have ended between the two
      if (entry.marker) await store.delete(entry.marker.name, { signal });
      this.#entries.delete(name);
      if (!now) return;
    }
    this.#deletedCaches++;
    this.#deletedBytes += entry.object.sizeBytes;
    await onDeletion(deletion);
  }

  /** Reads a cache and its marker anew. Returns undefined if the cache does not exist any more. */
  async #readAgain(entry: CacheEntry): Promise<CacheEntry | undefined> {
    const { store, prefix, signal } = this.#request;
    const { name } = entry.object;
    const ofMarker = markerName(prefix, name);
    const [object, marker] = await Promise.all([
      store.head(name, { signal }),
      ofMarker === undefined ? undefined : store.head(ofMarker, { signal }),
    ]);
    return object && { ...entry, object, marker };
  }

  async #abortUploads(): Promise<number | undefined> {
    const { store, prefix, repository, dryRun, signal } = this.#request;
    const root = cachesRoot(prefix, repository);
    try {
      if (!dryRun) return await store.abortStale(root, STALE_UPLOAD_MS, { signal });
      let count = 0;
      for await (const _ of store.unfinishedUploads(root, STALE_UPLOAD_MS, { signal })) count++;
      return count;
    } catch (error) {
      // A lifecycle rule of the bucket can do the same
      if (error instanceof StoreRefusedError) return undefined;
      throw error;
    }
  }

  async #deleteStray({ object, cacheObject }: StrayMarker): Promise<void> {
    const { store, signal, dryRun } = this.#request;
    if (!dryRun) {
      // It may have been saved since the listing
      if (await store.head(cacheObject, { signal })) return;
      await store.delete(object.name, { signal });
    }
    this.#deletedMarkers++;
  }
}

/** Compares what a listing or an earlier HEAD has returned with a later HEAD. */
function isSame(a: CacheEntry, b: CacheEntry): boolean {
  return isSameObject(a.object, b.object) && isSameObject(a.marker, b.marker);
}

/** Compares times in whole seconds, which are all that a HEAD of S3 returns. */
function isSameObject(a: ObjectInfo | undefined, b: ObjectInfo | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.etag === b.etag && Math.floor(a.modifiedMs / 1000) === Math.floor(b.modifiedMs / 1000);
}

/** Works on items in their order, on several at once. After a failure it begins no other, and rejects when all have ended. */
async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const next = items.values();
  let failure: { readonly error: unknown } | undefined;
  await Promise.all(
    Array.from({ length: PARALLEL }, async () => {
      for (const item of next) {
        await work(item).catch(error => {
          failure ??= { error };
        });
        if (failure) return;
      }
    }),
  );
  if (failure) throw failure.error;
}
