import { USE_INTERVAL_MS } from '../../storage/archives/note-use.ts';
import type { CachePatterns } from '../cache-patterns.ts';
import { type CacheEntry, lastUseMs } from '../inventory.ts';

/** Rules by which caches are deleted. A cache is deleted if one of them applies, unless `keepNewest` keeps it. */
export interface PruneRules {
  /** Whether every cache is deleted. */
  readonly all?: boolean | undefined;
  /** Time after which caches that were neither saved nor restored are deleted. */
  readonly unusedMs?: number | undefined;
  /** Age from which caches are deleted. */
  readonly maxAgeMs?: number | undefined;
  /** Bytes that the caches of one repository may have together. The least recently used are deleted first. */
  readonly perRepositoryBytes?: number | undefined;
  /** Bytes that all caches may have together. The least recently used are deleted first. */
  readonly maxSizeBytes?: number | undefined;
  /** Number of the newest caches of each scope and version that are kept, even if another rule applies to them. */
  readonly keepNewest?: number | undefined;
}

/** The options of a user: the caches that count and may be deleted, and the rules. */
export type PruneChoice = CachePatterns & Omit<PruneRules, 'all'>;

/**
 * Returns the rules of a choice. Without a limit on age, use or size, `scope`, `key` and `keepNewest` are the rule: all chosen
 * caches but the newest are deleted. `repository` alone deletes none.
 */
export function rulesOf(choice: PruneChoice): PruneRules {
  const { scope, key, unusedMs, maxAgeMs, perRepositoryBytes, maxSizeBytes, keepNewest } = choice;
  const rules = { unusedMs, maxAgeMs, perRepositoryBytes, maxSizeBytes, keepNewest };
  const isNarrowed = [scope, key, keepNewest].some(one => one !== undefined);
  return { ...rules, all: isNarrowed && !hasRule(rules) };
}

/** Returns whether the rules can delete a cache. */
export function hasRule({ all, unusedMs, maxAgeMs, perRepositoryBytes, maxSizeBytes }: PruneRules): boolean {
  return (
    all === true || [unusedMs, maxAgeMs, perRepositoryBytes, maxSizeBytes].some(limit => limit !== undefined)
  );
}

type PruneReason = 'all' | 'unused' | 'age' | 'repository-size' | 'size';

/** A cache to delete, and the rule that applies to it. */
export interface Deletion {
  readonly entry: CacheEntry;
  readonly reason: PruneReason;
}

/** Decides which caches to delete at the time `nowMs`, least recently used first. */
export function planPrune(entries: readonly CacheEntry[], rules: PruneRules, nowMs: number) {
  const kept = newestOf(entries, rules.keepNewest ?? 0);
  const deletions: Deletion[] = [];
  let left: CacheEntry[] = [];
  for (const entry of entries) {
    const reason = kept.has(entry) ? undefined : ownReason(entry, rules, nowMs);
    if (reason === undefined) left.push(entry);
    else deletions.push({ entry, reason });
  }
  left.sort(compareLastUse);
  /** Maximum bytes by which a repository, or all caches together, exceed their limit because `keepNewest` keeps caches. */
  let excessBytes = 0;
  /** Deletes the first caches of `group` that are not kept, until the others have at most `limit` bytes. Returns the others. */
  const shrink = (group: readonly CacheEntry[], limit: number, reason: PruneReason) => {
    let bytes = bytesOf(group);
    const fitting = group.filter(entry => {
      if (bytes <= limit || kept.has(entry)) return true;
      bytes -= entry.object.sizeBytes;
      deletions.push({ entry, reason });
      return false;
    });
    excessBytes = Math.max(excessBytes, bytes - limit);
    return fitting;
  };
  const { perRepositoryBytes, maxSizeBytes } = rules;
  if (perRepositoryBytes !== undefined) {
    const groups = Map.groupBy(left, ({ repository }) => repository);
    left = [...groups.values()].flatMap(group => shrink(group, perRepositoryBytes, 'repository-size'));
    left.sort(compareLastUse);
  }
  if (maxSizeBytes !== undefined) shrink(left, maxSizeBytes, 'size');
  return { deletions: deletions.sort((a, b) => compareLastUse(a.entry, b.entry)), excessBytes };
}

/** Returns the first rule that applies to a cache by itself. Returns undefined if none does. */
function ownReason(entry: CacheEntry, rules: PruneRules, nowMs: number): PruneReason | undefined {
  const { all, unusedMs, maxAgeMs } = rules;
  if (all) return 'all';
  const savedMs = entry.object.modifiedMs;
  if (maxAgeMs !== undefined && savedMs !== undefined && nowMs - savedMs >= maxAgeMs) return 'age';
  if (unusedMs !== undefined && isUnused(entry, unusedMs, nowMs)) return 'unused';
  return undefined;
}

/**
 * Returns whether a cache was neither saved nor restored for `unusedMs`. A use is noted once a day, so the last use may be up to
 * a day later than the last note. A cache whose last use is not known counts as used.
 */
export function isUnused(entry: CacheEntry, unusedMs: number, nowMs: number): boolean {
  const usedMs = lastUseMs(entry);
  return usedMs !== undefined && nowMs - usedMs >= unusedMs + USE_INTERVAL_MS;
}

/**
 * Returns the newest `count` caches of each scope and version, and those whose time is not known, which may be newer. Caches of
 * the same paths have the same version.
 */
function newestOf(entries: readonly CacheEntry[], count: number): ReadonlySet<CacheEntry> {
  if (count === 0) return new Set();
  const groups = Map.groupBy(entries, ({ repository, scope, version }) =>
    JSON.stringify([repository, scope, version]),
  );
  return new Set(
    [...groups.values()].flatMap(group => {
      const unknown = group.filter(({ object }) => object.modifiedMs === undefined).length;
      return group
        .toSorted((a, b) => orNewest(b.object.modifiedMs) - orNewest(a.object.modifiedMs))
        .slice(0, unknown + count);
    }),
  );
}

/** Returns the sum of the sizes in bytes. */
export function bytesOf(entries: Iterable<CacheEntry>): number {
  let sum = 0;
  for (const { object } of entries) sum += object.sizeBytes;
  return sum;
}

/** Sorts the least recently used cache first, and of several the oldest. Caches whose last use is not known are last. */
function compareLastUse(a: CacheEntry, b: CacheEntry): number {
  return (
    orNewest(lastUseMs(a)) - orNewest(lastUseMs(b)) ||
    orNewest(a.object.modifiedMs) - orNewest(b.object.modifiedMs)
  );
}

/** Returns a time, or one after all others if it is not known. */
function orNewest(ms = Number.MAX_SAFE_INTEGER): number {
  return ms;
}
