import type { CachePatterns } from '../cache-patterns.ts';
import type { PruneRules } from './plan.ts';

/** The choice of a user: the caches that count and may be deleted, ages in ms and sizes in bytes. */
export interface PruneChoice extends CachePatterns {
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
  const isNarrowed = [scope, key, keepNewest].some(one => one !== undefined);
  return {
    all: isNarrowed && !isLimited,
    unusedMs: unused,
    maxAgeMs: maxAge,
    maxBytes: maxSize,
    repositoryBytes: perRepository,
    keepNewest,
  };
}
