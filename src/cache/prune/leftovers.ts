import { forEachWithin } from '../../archive/pool/in-flight.ts';
import { type ObjectStore, STALE_UPLOAD_MS } from '../../storage/object-store.ts';
import { StoreRefusedError } from '../../storage/store-errors.ts';
import { type CachePatterns, matchesPatterns, matchesTrial, placeOfPatterns } from '../cache-patterns.ts';
import type { InventoryItem } from '../inventory.ts';
import { cachesRoot, parseCacheName, parseMarkerName } from '../keys/cache-names.ts';
import { parseTrialName } from '../keys/trial-names.ts';

export interface LeftoverRequest {
  readonly store: ObjectStore;
  /** Input `prefix`. */
  readonly prefix: string;
  /** The caches that count and may be deleted. Only their leftovers are removed. */
  readonly patterns: CachePatterns;
  /** Whether to decide only, and to delete nothing. */
  readonly dryRun: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** Numbers of removed leftovers. After a dry run, the numbers of those that would be removed. */
export type LeftoverResult = typeof NO_LEFTOVERS;

export const NO_LEFTOVERS = {
  /** Deleted markers whose cache did not exist. */
  deletedMarkers: 0,
  /** Deleted trial objects of `cache-s3 doctor` that were older than a day. */
  deletedTrials: 0,
  /** Markers and trial objects whose deletion the credentials do not allow. */
  refusedLeftovers: 0,
  /** Aborted uploads that were older than a day. Undefined if the credentials do not allow it. */
  abortedUploads: 0 as number | undefined,
};

/** Maximum number of deletions at once. */
export const PARALLEL_DELETIONS = { limit: 8 };
/** Age in ms from which the trial of a trial object counts as ended. */
const STALE_TRIAL_MS = 24 * 60 * 60 * 1000;

/** A marker without a cache, or an old trial object. Its name is enough, and a bucket may have a million of them. */
export interface Leftover {
  readonly kind: 'marker' | 'trial';
  readonly name: string;
}

/** Returns whether an item of the inventory is a leftover that the patterns select. */
export function isLeftover(
  item: InventoryItem,
  { store, patterns }: LeftoverRequest,
): item is Extract<InventoryItem, Pick<Leftover, 'kind'>> {
  if (item.kind === 'marker') return matchesPatterns(item.cache, patterns);
  if (item.kind !== 'trial' || !matchesTrial(item.place, patterns)) return false;
  // An object whose time is not known may be in use now
  const { modifiedMs = store.nowMs } = item.object;
  return store.nowMs - modifiedMs >= STALE_TRIAL_MS;
}

/** Deletes the leftovers, and aborts uploads that are older than a day. Throws the errors of the store. */
export async function removeLeftovers(
  leftovers: readonly Leftover[],
  request: LeftoverRequest,
): Promise<LeftoverResult> {
  const deleted = { marker: 0, trial: 0 };
  let refusedLeftovers = 0;
  await forEachWithin(leftovers, PARALLEL_DELETIONS, async leftover => {
    try {
      if (request.dryRun || (await deleteLeftover(leftover, request))) deleted[leftover.kind]++;
    } catch (error) {
      // The prune of a smaller place must not fail
      if (!(error instanceof StoreRefusedError)) throw error;
      refusedLeftovers++;
    }
  });
  const abortedUploads = await abortUploads(request);
  return { deletedMarkers: deleted.marker, deletedTrials: deleted.trial, refusedLeftovers, abortedUploads };
}

/** Deletes an object. Returns false for a marker whose cache has been saved since the listing. */
async function deleteLeftover(
  { name }: Leftover,
  { store, prefix, signal }: LeftoverRequest,
): Promise<boolean> {
  const cache = parseMarkerName(prefix, name);
  if (cache && (await store.head(cache.objectName, { signal }))) return false;
  await store.delete(name, { signal });
  return true;
}

/** Aborts old uploads, unless it is a dry run. Returns their number, or undefined if the credentials do not allow it. */
async function abortUploads(request: LeftoverRequest): Promise<number | undefined> {
  const { store, prefix, patterns, dryRun, signal } = request;
  const { repository, scope } = placeOfPatterns(patterns);
  const root = cachesRoot(prefix, repository, scope);
  /** Returns whether an upload is of a cache or of a trial that the patterns select. */
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
