import { forEachWithin } from '../../archive/pool/in-flight.ts';
import { type ObjectStore, STALE_UPLOAD_MS } from '../../storage/object-store.ts';
import { StoreRefusedError } from '../../storage/store-errors.ts';
import { type CachePatterns, matchesPatterns, matchesTrial, placeOfPatterns } from '../cache-patterns.ts';
import type { InventoryItem } from '../inventory.ts';
import { cachesRoot, markedCacheName, parseCacheName } from '../keys/cache-names.ts';
import { parseTrialName } from '../keys/trial-names.ts';

interface LeftoverRequest {
  readonly store: ObjectStore;
  readonly prefix: string;
  /** The place of the leftovers. */
  readonly patterns: CachePatterns;
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
const PARALLEL = { limit: 8 };
/** Age in ms from which the object of a trial is taken for that of an ended one. */
const STALE_TRIAL_MS = 24 * 60 * 60 * 1000;

/** Removes what jobs and doctors have left behind: markers without a cache, old trial objects, and old uploads. */
export class Leftovers {
  readonly #request: LeftoverRequest;
  /** Names of markers whose cache was not listed. */
  readonly #strays: string[] = [];
  /** Names of old trial objects. */
  readonly #trials: string[] = [];
  #deletedMarkers = 0;
  #deletedTrials = 0;
  #refused = 0;

  constructor(request: LeftoverRequest) {
    this.#request = request;
  }

  /** Notes an item of the inventory if it is a leftover of the patterns' place. */
  note(item: InventoryItem): void {
    if (item.kind === 'marker' && this.#isOwn(item.cacheObject)) {
      this.#strays.push(item.object.name);
    } else if (item.kind === 'trial' && this.#isOwn(item.object.name)) {
      const { name, modifiedMs } = item.object;
      if (this.#request.store.nowMs - modifiedMs >= STALE_TRIAL_MS) this.#trials.push(name);
    }
  }

  /** Removes the noted leftovers, and aborts the uploads. Throws the errors of the store. */
  async remove(): Promise<LeftoverResult> {
    await forEachWithin(this.#strays, PARALLEL, name => this.#deleteStray(name));
    await forEachWithin(this.#trials, PARALLEL, name => this.#deleteTrial(name));
    const abortedUploads = await this.#abortUploads();
    return {
      deletedMarkers: this.#deletedMarkers,
      deletedTrials: this.#deletedTrials,
      refusedLeftovers: this.#refused,
      abortedUploads,
    };
  }

  /** Returns whether a name is that of a cache or a trial that the patterns choose. Its leftovers may be removed then. */
  #isOwn(objectName: string): boolean {
    const { prefix, patterns } = this.#request;
    const name = parseCacheName(prefix, objectName);
    if (name !== undefined) return matchesPatterns(name, patterns);
    const trial = parseTrialName(prefix, objectName);
    return trial !== undefined && matchesTrial(trial, patterns);
  }

  async #abortUploads(): Promise<number | undefined> {
    const { store, prefix, patterns, dryRun, signal } = this.#request;
    const { repository, scope } = placeOfPatterns(patterns);
    const root = cachesRoot(prefix, repository, scope);
    const isOwn = (name: string) => this.#isOwn(name);
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

  async #deleteStray(name: string): Promise<void> {
    const { store, prefix, signal, dryRun } = this.#request;
    const cache = markedCacheName(prefix, name);
    await this.#deleteLeftover(async () => {
      if (!dryRun) {
        // It may have been saved since the listing
        if (cache === undefined || (await store.head(cache, { signal }))) return;
        await store.delete(name, { signal });
      }
      this.#deletedMarkers++;
    });
  }

  async #deleteTrial(name: string): Promise<void> {
    const { store, signal, dryRun } = this.#request;
    await this.#deleteLeftover(async () => {
      if (!dryRun) await store.delete(name, { signal });
      this.#deletedTrials++;
    });
  }

  /** Counts a leftover that the credentials do not allow to delete: it must not fail the prune of a smaller place. */
  async #deleteLeftover(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof StoreRefusedError)) throw error;
      this.#refused++;
    }
  }
}
