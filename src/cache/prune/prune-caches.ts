import { trimHeap } from '../../archive/memory/heap.ts';
import { forEachWithin } from '../../archive/pool/in-flight.ts';
import { matchesPatterns, placeOfPatterns } from '../cache-patterns.ts';
import { type CacheEntry, type ObjectState, readInventory } from '../inventory.ts';
import { markerName } from '../keys/cache-names.ts';
import {
  addLeftover,
  type LeftoverRequest,
  type LeftoverResult,
  type Leftovers,
  NO_LEFTOVERS,
  PARALLEL_DELETIONS,
  removeLeftovers,
} from './leftovers.ts';
import { bytesOf, type Deletion, type PruneRules, planPrune } from './plan.ts';

export interface PruneRequest extends LeftoverRequest {
  /**
   * Returns whether a cache of the patterns counts too. Called again for a cache that has changed since the listing.
   * Default: all do.
   */
  readonly select?: (entry: CacheEntry) => boolean;
  readonly rules: PruneRules;
  /** Delete leftovers: markers without a cache, and the trial objects of `cache-s3 doctor` and uploads that are older than a day. */
  readonly removesLeftovers: boolean;
  /** Called for each object that was read. */
  onRead?(): void;
  /** Called for each cache that was deleted, or would be. */
  onDeletion(deletion: Deletion): Promise<void> | void;
}

export interface PruneResult extends LeftoverResult {
  /** Selected caches before the deletions. */
  readonly caches: number;
  readonly bytes: number;
  /** Deleted caches, or those that would be. */
  readonly deletedCaches: number;
  readonly deletedBytes: number;
  /** Decisions that were taken again, because the cache had been used or saved since the listing. */
  readonly changed: number;
  /** Bytes by which the largest excess is over its limit on the size (plan.ts). */
  readonly excessBytes: number;
}

/** Maximum number of plans. A new one is made only if caches have changed since the last. */
const MAX_PLANS = 100;
/** Objects of a listing between two checks of the heap, which would otherwise keep the garbage of hundreds of pages. */
const TRIM_EVERY = 2000;
const TRIM_ABOVE_BYTES = 64 * 1024 * 1024;

/**
 * Deletes caches by rules, with their markers. With `removesLeftovers` also deletes markers without a cache and old trial
 * objects, and aborts uploads older than a day.
 *
 * Directly before each deletion the object and its marker are read again: if one has changed since it was listed, the
 * decision is taken again from its new state. It may be ended at any moment, and several may run at once: a cache is
 * deleted before its marker, and a later run removes a marker without a cache. Throws the errors of the store,
 * after the deletions in flight have ended.
 */
export async function pruneCaches(request: PruneRequest): Promise<PruneResult> {
  const entries: Entries = new Map();
  const leftovers: Leftovers = { markers: new Map(), trials: [] };
  await readCaches(request, entries, leftovers);
  const caches = entries.size;
  const bytes = bytesOf(entries.values());
  const { deletedCaches, deletedBytes, changed, excessBytes } = await deleteByPlans(request, entries);
  const removed = request.removesLeftovers ? await removeLeftovers(leftovers, request) : NO_LEFTOVERS;
  return { caches, bytes, deletedCaches, deletedBytes, ...removed, changed, excessBytes };
}

/** The selected caches, by the names of their objects. */
type Entries = Map<string, CacheEntry>;

async function readCaches(request: PruneRequest, entries: Entries, leftovers: Leftovers): Promise<void> {
  const { store, prefix, patterns, signal, onRead } = request;
  let read = 0;
  for await (const item of readInventory(store, { prefix, ...placeOfPatterns(patterns), signal })) {
    onRead?.();
    if (++read % TRIM_EVERY === 0) trimHeap(TRIM_ABOVE_BYTES);
    if (item.kind !== 'cache') {
      if (request.removesLeftovers) addLeftover(leftovers, item, request);
    } else if (isSelected(item, request)) entries.set(item.object.name, item);
  }
}

function isSelected(entry: CacheEntry, { patterns, select }: PruneRequest): boolean {
  return matchesPatterns(entry, patterns) && (select?.(entry) ?? true);
}

/** Plans and deletes until nothing has changed meanwhile. */
async function deleteByPlans(request: PruneRequest, entries: Entries) {
  const { store, rules, dryRun, onDeletion } = request;
  const total = { deletedCaches: 0, deletedBytes: 0, changed: 0 };
  for (let plans = 1; ; plans++) {
    const { deletions, excessBytes } = planPrune([...entries.values()], rules, store.nowMs);
    const changedBefore = total.changed;
    await forEachWithin(deletions, PARALLEL_DELETIONS, async deletion => {
      const { entry } = deletion;
      const result = dryRun ? 'deleted' : await deleteUnchanged(entry, entries, request);
      if (result === 'changed') total.changed++;
      if (result !== 'deleted') return;
      total.deletedCaches++;
      total.deletedBytes += entry.object.sizeBytes;
      await onDeletion(deletion);
    });
    if (dryRun || total.changed === changedBefore || plans === MAX_PLANS) return { ...total, excessBytes };
  }
}

/** Reads a cache again, and deletes it with its marker if it has not changed. Another prune may have deleted the cache. */
async function deleteUnchanged(
  entry: CacheEntry,
  entries: Entries,
  request: PruneRequest,
): Promise<'deleted' | 'changed' | 'gone'> {
  const { store, prefix, signal } = request;
  const { name } = entry.object;
  const marker = markerName(prefix, name);
  const [object, markerNow] = await Promise.all([
    store.head(name, { signal }),
    marker === undefined ? undefined : store.head(marker, { signal }),
  ]);
  const now = object && { ...entry, object, marker: markerNow };
  if (now && !isSame(now, entry)) {
    if (isSelected(now, request)) entries.set(name, now);
    else entries.delete(name);
    return 'changed';
  }
  if (now) await store.delete(name, { signal });
  // The other prune may have been killed before it deleted the marker
  if (marker !== undefined && entry.marker) await store.delete(marker, { signal });
  entries.delete(name);
  return now ? 'deleted' : 'gone';
}

/** Compares an entry of a listing or of an earlier HEAD with a later HEAD. */
function isSame(a: CacheEntry, b: CacheEntry): boolean {
  return isSameObject(a.object, b.object) && isSameObject(a.marker, b.marker);
}

/** Compares times in whole seconds, which are all that a HEAD of S3 returns. */
function isSameObject(a: ObjectState | undefined, b: ObjectState | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  const seconds = ({ modifiedMs }: ObjectState) => modifiedMs && Math.floor(modifiedMs / 1000);
  return a.etag === b.etag && seconds(a) === seconds(b);
}
