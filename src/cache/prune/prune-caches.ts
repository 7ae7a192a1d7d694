import { forEachWithin } from '../../archive/pool/in-flight.ts';
import { systemClock } from '../../retry/clock.ts';
import { delaySignal } from '../../retry/signals.ts';
import { StoreRefusedError } from '../../storage/store-errors.ts';
import { matchesPatterns, placeOfPatterns } from '../cache-patterns.ts';
import { type CacheEntry, type ObjectState, readInventory } from '../inventory.ts';
import { markerName } from '../keys/cache-names.ts';
import {
  isLeftover,
  type Leftover,
  type LeftoverRequest,
  type LeftoverResult,
  NO_LEFTOVERS,
  PARALLEL_DELETIONS,
  removeLeftovers,
} from './leftovers.ts';
import { bytesOf, type Deletion, type PruneRules, planPrune } from './plan.ts';

export interface PruneRequest extends LeftoverRequest {
  /**
   * Returns whether a cache that matches the patterns is selected. It is called again for a cache that has changed since the
   * listing. Default: all are selected.
   */
  readonly select?: (entry: CacheEntry) => boolean;
  readonly rules: PruneRules;
  /** Whether to delete markers without a cache and old trial objects of `cache-s3 doctor`, and to abort old uploads. */
  readonly removesLeftovers: boolean;
  /** Callback for each object that was read. */
  onRead?(): void;
  /** Receives each cache that was deleted, or that a dry run would delete. */
  onDeletion(deletion: Deletion): Promise<void> | void;
}

export interface PruneResult extends LeftoverResult {
  /** Selected caches before the deletions. */
  readonly caches: number;
  readonly bytes: number;
  /** Deleted caches, or those that a dry run would delete. */
  readonly deletedCaches: number;
  readonly deletedBytes: number;
  /** Decisions that were made again, because the cache had been used or saved since the listing. */
  readonly changed: number;
  /** The excess, as in `planPrune`. */
  readonly excessBytes: number;
}

/** Maximum number of plans. A new one is made only if caches have changed since the last one. */
const MAX_PLANS = 100;
/** Time in ms that a deletion in flight has after an interrupt, to be reported. A step ends after 4.5 s, a command after 5 s. */
const DELETION_MS = 3000;

/**
 * Deletes caches by rules, with their markers, and leftovers if `removesLeftovers` is set. Throws the errors of the store, after
 * the deletions in flight have ended.
 *
 * Directly before each deletion the object and its marker are read again. If one has changed since the listing, the decision is
 * made again. A prune may be killed at any moment, and several may run at once. A cache is deleted before its marker, and a later
 * prune removes a marker without a cache.
 */
export async function pruneCaches(request: PruneRequest): Promise<PruneResult> {
  const { entries, leftovers } = await readCaches(request);
  const caches = entries.size;
  const bytes = bytesOf(entries.values());
  const afterInterrupt = delaySignal(request.signal, DELETION_MS, systemClock);
  const deleting = deleteByPlans(request, entries, afterInterrupt.signal).finally(afterInterrupt.clear);
  const { refusedMarkers, ...deleted } = await deleting;
  const removed = request.removesLeftovers ? await removeLeftovers(leftovers, request) : NO_LEFTOVERS;
  const refusedLeftovers = removed.refusedLeftovers + refusedMarkers;
  return { caches, bytes, ...deleted, ...removed, refusedLeftovers };
}

/** The selected caches, by the names of their objects. */
type Entries = Map<string, CacheEntry>;

async function readCaches(request: PruneRequest): Promise<{ entries: Entries; leftovers: Leftover[] }> {
  const { store, prefix, patterns, removesLeftovers, signal, onRead } = request;
  const entries: Entries = new Map();
  const leftovers: Leftover[] = [];
  for await (const item of readInventory(store, { prefix, ...placeOfPatterns(patterns), signal })) {
    onRead?.();
    if (item.kind === 'cache' && isSelected(item, request)) entries.set(item.object.name, item);
    else if (removesLeftovers && isLeftover(item, request))
      leftovers.push({ kind: item.kind, name: item.object.name });
  }
  return { entries, leftovers };
}

function isSelected(entry: CacheEntry, { patterns, select }: PruneRequest): boolean {
  return matchesPatterns(entry, patterns) && (select?.(entry) ?? true);
}

/** Plans and deletes until no cache has changed meanwhile. Keeps `entries` up to date. */
async function deleteByPlans(request: PruneRequest, entries: Entries, deletionSignal: AbortSignal) {
  const { store, rules, dryRun, onDeletion } = request;
  const total = { deletedCaches: 0, deletedBytes: 0, changed: 0, refusedMarkers: 0 };
  for (let plans = 1; ; plans++) {
    const { deletions, excessBytes } = planPrune([...entries.values()], rules, store.nowMs);
    const changedBefore = total.changed;
    await forEachWithin(deletions, PARALLEL_DELETIONS, async deletion => {
      const { entry } = deletion;
      const { name, sizeBytes } = entry.object;
      const result = dryRun ? 'deleted' : await deleteUnchanged(entry, request, deletionSignal);
      entries.delete(name);
      if (typeof result === 'object') {
        total.changed++;
        if (isSelected(result, request)) entries.set(name, result);
        return;
      }
      if (result === 'deleted') {
        total.deletedCaches++;
        total.deletedBytes += sizeBytes;
        await onDeletion(deletion);
      }
      if (!dryRun && !(await deleteMarker(entry, request, deletionSignal))) total.refusedMarkers++;
    });
    if (dryRun || total.changed === changedBefore || plans === MAX_PLANS) return { ...total, excessBytes };
  }
}

/**
 * Reads a cache again, and deletes it if it has not changed. Returns its new state if it has changed, and 'missing' if another
 * prune has deleted it.
 */
async function deleteUnchanged(
  entry: CacheEntry,
  { store, prefix, signal }: PruneRequest,
  deletionSignal: AbortSignal,
): Promise<'deleted' | 'missing' | CacheEntry> {
  const { name } = entry.object;
  const marker = markerName(prefix, name);
  const [object, markerNow] = await Promise.all([
    store.head(name, { signal }),
    marker === undefined ? undefined : store.head(marker, { signal }),
  ]);
  if (!object) return 'missing';
  // An object with content is no marker, as in a listing
  const now = { ...entry, object, marker: markerNow?.sizeBytes === 0 ? markerNow : undefined };
  if (!isSame(now, entry)) return now;
  signal?.throwIfAborted();
  await store.delete(name, { signal: deletionSignal });
  return 'deleted';
}

/**
 * Deletes the marker of a deleted cache, if it has one. Another prune that has deleted the cache may have been killed before it
 * deleted the marker. Returns false if the credentials do not allow it.
 */
async function deleteMarker(
  { object, marker }: CacheEntry,
  { store, prefix }: PruneRequest,
  signal: AbortSignal,
): Promise<boolean> {
  const name = marker && markerName(prefix, object.name);
  if (name === undefined) return true;
  try {
    await store.delete(name, { signal });
    return true;
  } catch (error) {
    if (!(error instanceof StoreRefusedError)) throw error;
    return false;
  }
}

/** Returns whether a cache has not changed since a listing or an earlier HEAD. */
function isSame(a: CacheEntry, b: CacheEntry): boolean {
  return isSameObject(a.object, b.object) && isSameObject(a.marker, b.marker);
}

/** Returns whether two states are equal. Compares times in whole seconds, because a HEAD of S3 returns no fraction. */
function isSameObject(a: ObjectState | undefined, b: ObjectState | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  const seconds = ({ modifiedMs }: ObjectState) => modifiedMs && Math.floor(modifiedMs / 1000);
  return a.etag === b.etag && seconds(a) === seconds(b);
}
