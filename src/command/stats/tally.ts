import { type CacheEntry, lastUseMs } from '../../cache/inventory.ts';
import { generationPrefix } from '../../cache/keys/key-prefix.ts';
import { isUnused } from '../../cache/prune/plan.ts';
import { formatCount } from '../../report/units.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Ends of the bars of a histogram, in days; the last bar has none. */
const EDGES_DAYS = [1, 2, 4, 7, 14, 30, 60, 90, 180];

/** Ages, in days, at which the effect of `prune --unused` is counted. */
const UNUSED_DAYS = [3, 7, 14, 30, 60, 90];

/** Maximum number of groups of one kind. Caches of further groups are counted together, because keys and refs are foreign text. */
const MAX_GROUPS = 100_000;
const REST = '(others)';

/** A number of caches and their size in bytes. */
export interface Amount {
  caches: number;
  bytes: number;
}

/** A bar of a histogram: ages from `fromDays` (included) to `toDays` (excluded; undefined for the last bar). */
export interface Bar extends Amount {
  readonly fromDays: number;
  readonly toDays: number | undefined;
}

export interface Group extends Amount {
  readonly name: string;
  /** Latest use of these caches, in ms since 1970. Undefined if no use is known. */
  lastUseMs: number | undefined;
}

export type GroupKind = 'repositories' | 'scopes' | 'keyPrefixes';

/** Facts of the reports besides the tally. */
export interface StatsFacts {
  /** The store, for people. */
  readonly place: string;
  readonly prefix: string;
  /** Time of the report by the store's clock, in ms since 1970. */
  readonly madeMs: number;
  /** Maximum number of rows of each table. */
  readonly top: number;
}

/** Counts the caches of a store. Its memory grows with the number of groups (at most 300,000), not of caches. */
export class Tally {
  readonly all: Amount = { caches: 0, bytes: 0 };
  /** Caches whose last use is noted. */
  readonly marked: Amount = { caches: 0, bytes: 0 };
  /** Caches whose age or last use is not known. They are in neither histogram. */
  readonly unknownTime: Amount = { caches: 0, bytes: 0 };
  strayMarkers = 0;
  trialObjects = 0;
  foreignObjects = 0;
  readonly ages = histogram();
  readonly lastUses = histogram();
  readonly unused = UNUSED_DAYS.map(days => ({ days, caches: 0, bytes: 0 }));
  readonly #groups = {
    repositories: new Map<string, Group>(),
    scopes: new Map<string, Group>(),
    keyPrefixes: new Map<string, Group>(),
  };

  /** Counts a cache. `nowMs` is the time by the store's clock, in ms since 1970. */
  add(entry: CacheEntry, nowMs: number): void {
    const { object, marker, repository, scope, key } = entry;
    const used = lastUseMs(entry);
    const { sizeBytes } = object;
    count(this.all, sizeBytes);
    if (marker) count(this.marked, sizeBytes);
    if (object.modifiedMs === undefined || used === undefined) count(this.unknownTime, sizeBytes);
    else {
      count(barOf(this.ages, nowMs - object.modifiedMs), sizeBytes);
      count(barOf(this.lastUses, nowMs - used), sizeBytes);
    }
    for (const amount of this.unused)
      if (isUnused(entry, amount.days * DAY_MS, nowMs)) count(amount, sizeBytes);
    const { repositories, scopes, keyPrefixes } = this.#groups;
    addTo(repositories, repository === '' ? '(shared by all)' : repository, sizeBytes, used);
    addTo(scopes, scopeKind(scope), sizeBytes, used);
    addTo(keyPrefixes, generationPrefix(key), sizeBytes, used);
  }

  /** Returns the largest groups of a kind by size, at most `limit`. */
  largest(kind: GroupKind, limit: number): readonly Group[] {
    return [...this.#groups[kind].values()].sort((a, b) => b.bytes - a.bytes).slice(0, limit);
  }

  /** Counts the groups of a kind without the `shown` ones, as text: `12,000`, `at least 99,991`. */
  countGroups(kind: GroupKind, shown = 0): string {
    const groups = this.#groups[kind];
    return `${groups.has(REST) ? 'at least ' : ''}${formatCount(groups.size - shown)}`;
  }
}

/** Returns the group of a scope: all pull requests are in one. */
function scopeKind(scope: string): string {
  return scope.startsWith('refs/pull/') ? 'refs/pull/*' : scope;
}

function histogram(): Bar[] {
  return [0, ...EDGES_DAYS].map((fromDays, index) => ({
    fromDays,
    toDays: EDGES_DAYS[index],
    caches: 0,
    bytes: 0,
  }));
}

function barOf(bars: Bar[], ms: number): Bar {
  const days = ms / DAY_MS;
  return bars.find(({ toDays = Number.POSITIVE_INFINITY }) => days < toDays)!;
}

function count(amount: Amount, bytes: number): void {
  amount.caches++;
  amount.bytes += bytes;
}

function addTo(groups: Map<string, Group>, wanted: string, bytes: number, usedMs: number | undefined): void {
  const name = groups.size < MAX_GROUPS || groups.has(wanted) ? wanted : REST;
  let group = groups.get(name);
  if (group === undefined) {
    group = { name, caches: 0, bytes: 0, lastUseMs: undefined };
    groups.set(name, group);
  }
  count(group, bytes);
  if (usedMs !== undefined) group.lastUseMs = Math.max(group.lastUseMs ?? usedMs, usedMs);
}

/** Returns the label of a bar: `under 1 d`, `7 to 14 d`, `180 d and more`. */
export function barLabel({ fromDays, toDays }: Bar): string {
  if (fromDays === 0) return `under ${toDays} d`;
  return toDays === undefined ? `${fromDays} d and more` : `${fromDays} to ${toDays} d`;
}

/** Returns the label of a bar for the axis of a plot: `<1 d`, `7-14 d`, `180+ d`. */
export function shortLabel({ fromDays, toDays }: Bar): string {
  if (fromDays === 0) return `<${toDays} d`;
  return toDays === undefined ? `${fromDays}+ d` : `${fromDays}-${toDays} d`;
}
