import { type CachePatterns, literal, matchesPatterns } from '../cache/cache-patterns.ts';
import { type CacheEntry, lastUseMs, readInventory } from '../cache/inventory.ts';
import { formatCount } from '../report/units.ts';
import type { Invocation } from './invocation.ts';

/** Conditions on caches. A cache is selected if it meets all of them. */
export interface Filter extends CachePatterns {
  /** Ages in ms since the save, and since the last known use. */
  readonly olderThan?: number | undefined;
  readonly newerThan?: number | undefined;
  readonly unused?: number | undefined;
  readonly usedWithin?: number | undefined;
  /** Bytes. */
  readonly largerThan?: number | undefined;
  readonly smallerThan?: number | undefined;
}

/** Returns whether a cache meets the filter at the time `nowMs`. */
export function matchesFilter(entry: CacheEntry, filter: Filter, nowMs: number): boolean {
  const age = nowMs - entry.object.modifiedMs;
  const idle = nowMs - lastUseMs(entry);
  const { sizeBytes } = entry.object;
  return (
    matchesPatterns(entry, filter) &&
    age >= (filter.olderThan ?? Number.NEGATIVE_INFINITY) &&
    age <= (filter.newerThan ?? Number.POSITIVE_INFINITY) &&
    idle >= (filter.unused ?? Number.NEGATIVE_INFINITY) &&
    idle <= (filter.usedWithin ?? Number.POSITIVE_INFINITY) &&
    sizeBytes >= (filter.largerThan ?? 0) &&
    sizeBytes <= (filter.smallerThan ?? Number.POSITIVE_INFINITY)
  );
}

/** Yields the caches of the store that meet the filter, in the order of their names, and shows the progress. */
export async function* selectCaches(
  { store, prefix, signal, output }: Invocation,
  filter: Filter,
): AsyncGenerator<CacheEntry> {
  const nowMs = Date.now();
  const progress = output.progress('Reading the listing');
  let read = 0;
  try {
    const place = { repository: literal(filter.repository), scope: literal(filter.scope) };
    for await (const item of readInventory(store, { prefix, ...place, signal })) {
      progress.update(`Reading the listing: ${formatCount(++read)} objects`);
      if (item.kind === 'cache' && matchesFilter(item, filter, nowMs)) yield item;
    }
  } finally {
    progress.end();
  }
}

/** Orders of caches. `name` is that of the objects: repository, scope, key. */
export const SORTS = ['name', 'key', 'saved', 'used', 'size'] as const;
type Sort = (typeof SORTS)[number];

/** Each order begins with the caches that matter most: the newest, the last used, the largest. */
const COMPARE: Readonly<Record<Sort, (a: CacheEntry, b: CacheEntry) => number>> = {
  name: (a, b) => compareText(a.object.name, b.object.name),
  key: (a, b) => compareText(a.key, b.key),
  saved: (a, b) => b.object.modifiedMs - a.object.modifiedMs,
  used: (a, b) => lastUseMs(b) - lastUseMs(a),
  size: (a, b) => b.object.sizeBytes - a.object.sizeBytes,
};

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

export interface OrderOptions {
  readonly sort: Sort;
  readonly reverse?: boolean | undefined;
  /** Caches to yield at most. All if it is undefined. */
  readonly limit?: number | undefined;
}

/**
 * Yields caches in an order. That of their names needs no memory; the others hold twice the limit of caches, or all if there
 * is none. Caches that are equal in the order stay in that of their names.
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
  const order = reverse ? (a: CacheEntry, b: CacheEntry) => compare(b, a) : compare;
  let held: CacheEntry[] = [];
  for await (const entry of caches) {
    held.push(entry);
    if (held.length >= 2 * limit + 1000) held = held.sort(order).slice(0, limit);
  }
  yield* held.sort(order).slice(0, limit);
}
