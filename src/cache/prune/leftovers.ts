import { forEachWithin } from '../../archive/pool/in-flight.ts';
import { type ObjectStore, STALE_UPLOAD_MS } from '../../storage/object-store.ts';
import { StoreRefusedError } from '../../storage/store-errors.ts';
import { type CachePatterns, matchesPatterns, matchesTrial, placeOfPatterns } from '../cache-patterns.ts';
import type { InventoryItem } from '../inventory.ts';
import { cachesRoot, parseCacheName } from '../keys/cache-names.ts';
import { parseTrialName } from '../keys/trial-names.ts';

export interface LeftoverRequest {
  readonly store: ObjectStore;
  /** Input `prefix`. */
  readonly prefix: string;
  /** The caches that are counted and may be deleted, and the place of the leftovers. */
  readonly patterns: CachePatterns;
  /** Decide, and delete nothing. */
  readonly dryRun: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** Numbers of removed leftovers, or of those that would be. */
export interface LeftoverResult {
  /** Deleted markers whose cache did not exist, or those that would be. */
  readonly deletedMarkers: number;
  /** Deleted trial objects of `cache-s3 doctor` that were older than a day, or those that would be. */
  readonly deletedTrials: number;
  /** Such markers and trial objects that the credentials do not allow to delete. */
  readonly refusedLeftovers: number;
  /** Aborted uploads that were older than a day, or those that would be. Undefined if the credentials do not allow it. */
  readonly abortedUploads: number | undefined;
}

export const NO_LEFTOVERS: LeftoverResult = {
  deletedMarkers: 0,
  deletedTrials: 0,
  refusedLeftovers: 0,
  abortedUploads: 0,
};

/** Deletions that run at the same time. */
export const PARALLEL_DELETIONS = { limit: 8 };
/** Age in ms from which the object of a trial is taken for that of an ended one. */
const STALE_TRIAL_MS = 24 * 60 * 60 * 1000;

/** Names of objects that jobs and doctors have left behind. */
export interface Leftovers {
  /** The objects of caches that were not listed, by the names of their markers. */
  readonly markers: Map<string, string>;
  /** Old trial objects. */
  readonly trials: string[];
}

/** Adds an item of the inventory if it is a leftover of the patterns' place. */
export function addLeftover(leftovers: Leftovers, item: InventoryItem, request: LeftoverRequest): void {
  const { name, modifiedMs } = item.object;
  if (item.kind === 'marker' && matchesPatterns(item.cache, request.patterns))
    leftovers.markers.set(name, item.cache.objectName);
  // One whose time is not known may be in use now
  const ageMs = modifiedMs === undefined ? 0 : request.store.nowMs - modifiedMs;
  const isOldTrial = item.kind === 'trial' && ageMs >= STALE_TRIAL_MS;
  if (isOldTrial && matchesTrial(item.place, request.patterns)) leftovers.trials.push(name);
}

/** Removes the leftovers, and aborts uploads that are older than a day. Throws the errors of the store. */
export async function removeLeftovers(
  { markers, trials }: Leftovers,
  request: LeftoverRequest,
): Promise<LeftoverResult> {
  const { store, dryRun, signal } = request;
  let refusedLeftovers = 0;
  /** Removes objects, unless it is a dry run. Returns the number of those for which `remove` returns true. */
  const removeAll = async (names: readonly string[], remove: (name: string) => Promise<boolean>) => {
    let removed = 0;
    await forEachWithin(names, PARALLEL_DELETIONS, async name => {
      try {
        if (dryRun || (await remove(name))) removed++;
      } catch (error) {
        // The prune of a smaller place must not fail
        if (!(error instanceof StoreRefusedError)) throw error;
        refusedLeftovers++;
      }
    });
    return removed;
  };
  const remove = (name: string) => store.delete(name, { signal }).then(() => true);
  const deletedMarkers = await removeAll([...markers.keys()], async name => {
    // The cache may have been saved since the listing
    return !(await store.head(markers.get(name)!, { signal })) && remove(name);
  });
  const deletedTrials = await removeAll(trials, remove);
  return { deletedMarkers, deletedTrials, refusedLeftovers, abortedUploads: await abortUploads(request) };
}

/** Returns the number of aborted uploads, or of those that would be. Returns undefined if the credentials do not allow it. */
async function abortUploads(request: LeftoverRequest): Promise<number | undefined> {
  const { store, prefix, patterns, dryRun, signal } = request;
  const { repository, scope } = placeOfPatterns(patterns);
  const root = cachesRoot(prefix, repository, scope);
  /** Returns whether an upload is one of a cache or a trial that the patterns choose. */
  const isOwn = (name: string) => {
    const cache = parseCacheName(prefix, name);
    if (cache !== undefined) return matchesPatterns(cache, patterns);
    const trial = parseTrialName(prefix, name);
    return trial !== undefined && matchesTrial(trial, patterns);
  };
  try {
    if (!dryRun) return await store.abortStale(root, STALE_UPLOAD_MS, { isOwn, signal });
    let count = 0;
    for await (const { name } of store.unfinishedUploads(root, STALE_UPLOAD_MS, { signal })) {
      if (isOwn(name)) count++;
    }
    return count;
  } catch (error) {
    // A lifecycle rule of the bucket can do the same
    if (error instanceof StoreRefusedError) return undefined;
    throw error;
  }
}
