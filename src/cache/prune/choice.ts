import type { CacheEntry } from '../inventory.ts';
import { hasWildcard, matchesWildcard } from '../wildcard.ts';
import type { PruneRules } from './plan.ts';

/** The choice of a user: patterns (wildcard.ts), ages in ms and sizes in bytes. */
export interface PruneChoice {
  readonly repository?: string | undefined;
  readonly scope?: string | undefined;
  readonly key?: string | undefined;
  readonly unused?: number | undefined;
  readonly maxAge?: number | undefined;
  readonly maxSize?: number | undefined;
  readonly perRepository?: number | undefined;
  readonly keepNewest?: number | undefined;
}

/**
 * Returns the rules of a choice. Without a limit on age, use or size, `scope`, `key` and `keepNewest` are the rule: all chosen
 * caches but the newest are deleted. `repository` alone deletes none.
 */
export function rulesOf(choice: PruneChoice): PruneRules {
  const { unused, maxAge, maxSize, perRepository, keepNewest, scope, key } = choice;
  const isLimited = [unused, maxAge, maxSize, perRepository].some(one => one !== undefined);
  const isChosen = [scope, key, keepNewest].some(one => one !== undefined);
  return {
    all: isChosen && !isLimited,
    unusedMs: unused,
    maxAgeMs: maxAge,
    maxBytes: maxSize,
    repositoryBytes: perRepository,
    keepNewest,
  };
}

/** Returns whether a cache is counted and may be deleted. */
export function isChosen({ repository, scope, key }: PruneChoice, entry: CacheEntry): boolean {
  const meets = (pattern: string | undefined, text: string) =>
    pattern === undefined || matchesWildcard(pattern, text);
  return meets(repository, entry.repository) && meets(scope, entry.scope) && meets(key, entry.key);
}

/** Returns the one repository of a pattern, so that the others need not be listed. Returns undefined if it may have several. */
export function oneRepository(pattern: string | undefined): string | undefined {
  return pattern !== undefined && !hasWildcard(pattern) ? pattern : undefined;
}
