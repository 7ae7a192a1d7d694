import { type CachePatterns, matchesPatterns, placeOfPatterns } from '../../cache/cache-patterns.ts';
import { type CacheEntry, type InventoryItem, lastUseMs, readInventory } from '../../cache/inventory.ts';
import { isUnused } from '../../cache/prune/plan.ts';
import { formatCount } from '../../report/units.ts';
import { USE_INTERVAL_MS } from '../../storage/archives/note-use.ts';
import { orOldest } from '../../storage/object-store.ts';
import { CommandError } from '../command-error.ts';
import type { Invocation } from '../invocation.ts';

/** Conditions on caches, all of which a cache has to meet. A time that is not known meets no condition on it. */
export interface Filter extends CachePatterns {
  /** Minimum and maximum age since the save, in ms. */
  readonly olderThan?: number | undefined;
  readonly newerThan?: number | undefined;
  /** Minimum and maximum age since the last use, in ms: `unused` by `isUnused`, `usedWithin` by the last noted use. */
  readonly unused?: number | undefined;
  readonly usedWithin?: number | undefined;
  /** Minimum and maximum size in bytes. */
  readonly largerThan?: number | undefined;
  readonly smallerThan?: number | undefined;
}

/** Throws `CommandError` if no cache can meet the filter. */
export function checkFilter(filter: Filter): void {
  const { olderThan = 0, unused, largerThan = 0 } = filter;
  // `isUnused` adds the time in which only one use is noted
  const idle = unused === undefined ? 0 : unused + USE_INTERVAL_MS;
  const check = (least: number, most: number | undefined, options: string) => {
    if (most !== undefined && most < least) throw new CommandError(`No cache can meet both ${options}.`);
  };
  check(olderThan, filter.newerThan, '--older-than and --newer-than');
  check(idle, filter.usedWithin, '--unused and --used-within');
  check(largerThan, filter.smallerThan, '--larger-than and --smaller-than');
}

/** Returns whether a cache meets the filter at the time `nowMs`. */
export function matchesFilter(entry: CacheEntry, filter: Filter, nowMs: number): boolean {
  // Each comparison with NaN is false
  const age = nowMs - (entry.object.modifiedMs ?? Number.NaN);
  const idle = nowMs - (lastUseMs(entry) ?? Number.NaN);
  const { sizeBytes } = entry.object;
  return (
    matchesPatterns(entry, filter) &&
    (filter.olderThan === undefined || age >= filter.olderThan) &&
    (filter.newerThan === undefined || age <= filter.newerThan) &&
    (filter.unused === undefined || isUnused(entry, filter.unused, nowMs)) &&
    (filter.usedWithin === undefined || idle <= filter.usedWithin) &&
    sizeBytes >= (filter.largerThan ?? 0) &&
    sizeBytes <= (filter.smallerThan ?? Number.POSITIVE_INFINITY)
  );
}

/**
 * Lists the place of a filter. Yields the caches that meet the filter, all markers without a cache, and all objects of other
 * programs. Ages are by the store's clock, which the first response shows. Throws `CommandError` if no cache can meet the filter.
 */
export async function* readSelected(
  invocation: Invocation,
  filter: Filter,
  onRead?: () => void,
): AsyncGenerator<InventoryItem> {
  checkFilter(filter);
  const { store, prefix, signal } = invocation;
  const selectsByUse = filter.unused !== undefined || filter.usedWithin !== undefined;
  const onMarkersRefused = selectsByUse ? undefined : noteUnknownUse(invocation);
  const options = { prefix, ...placeOfPatterns(filter), signal, onMarkersRefused };
  for await (const item of readInventory(store, options)) {
    onRead?.();
    if (item.kind !== 'cache' || matchesFilter(item, filter, store.nowMs)) yield item;
  }
}

/** Returns the handler of a refused listing of the markers, for a command that works without the last use. */
export function noteUnknownUse({ output }: Invocation): () => void {
  return () => output.note('The last use of the caches is not known: the store refuses to list the markers.');
}

/** Yields as `readSelected` does, and shows the progress. */
export async function* readWithProgress(
  invocation: Invocation,
  filter: Filter,
): AsyncGenerator<InventoryItem> {
  const progress = invocation.output.progress('Reading the listing');
  let read = 0;
  const onRead = () => progress.update(`Reading the listing: ${formatCount(++read)} objects`);
  try {
    yield* readSelected(invocation, filter, onRead);
  } finally {
    progress.end();
  }
}

/** Yields the caches that meet the filter, in the order of their names, and shows the progress. */
export async function* selectCaches(invocation: Invocation, filter: Filter): AsyncGenerator<CacheEntry> {
  for await (const item of readWithProgress(invocation, filter)) if (item.kind === 'cache') yield item;
}

/** Orders of caches. `name` is the order of the objects' names: repository, scope, key. */
export const SORTS = ['name', 'key', 'saved', 'used', 'size'] as const;
type Sort = (typeof SORTS)[number];

/** Orders by time begin with the newest and end with times that are not known. The order by size begins with the largest. */
const COMPARE: Readonly<Record<Sort, (a: CacheEntry, b: CacheEntry) => number>> = {
  name: (a, b) => compareText(a.object.name, b.object.name),
  key: (a, b) => compareText(a.key, b.key),
  saved: (a, b) => orOldest(b.object.modifiedMs) - orOldest(a.object.modifiedMs),
  used: (a, b) => orOldest(lastUseMs(b)) - orOldest(lastUseMs(a)),
  size: (a, b) => b.object.sizeBytes - a.object.sizeBytes,
};

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

export interface OrderOptions {
  readonly sort: Sort;
  readonly reverse?: boolean | undefined;
  /** Maximum number of caches to yield. Undefined for all. */
  readonly limit?: number | undefined;
}

/**
 * Yields caches in an order. The order of names needs no memory. The other orders keep twice the limit of caches in memory, or all
 * if there is no limit; equal caches stay in the order of their names.
 */
export async function* orderCaches(
  caches: AsyncIterable<CacheEntry>,
  { sort, reverse = false, limit = Number.POSITIVE_INFINITY }: OrderOptions,
): AsyncGenerator<CacheEntry> {
  if (sort === 'name' && !reverse) {
    let left = limit;
    if (left === 0) return;
    for await (const entry of caches) {
      yield entry;
      if (--left === 0) return;
    }
    return;
  }
  const compare = COMPARE[sort];
  const first = new FirstOf(limit, reverse ? (a, b) => compare(b, a) : compare);
  for await (const entry of caches) first.add(entry);
  yield* first.toSorted();
}

/** Keeps the first `limit` items of an order, and never more than twice as many and 1000 in memory. */
export class FirstOf<T> {
  #kept: T[] = [];
  readonly #limit: number;
  readonly #compare: (a: T, b: T) => number;

  constructor(limit: number, compare: (a: T, b: T) => number) {
    this.#limit = limit;
    this.#compare = compare;
  }

  add(item: T): void {
    if (this.#kept.push(item) >= 2 * this.#limit + 1000) this.#kept = this.toSorted();
  }

  toSorted(): T[] {
    return this.#kept.sort(this.#compare).slice(0, this.#limit);
  }
}
