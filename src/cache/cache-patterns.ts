import type { CacheEntry } from './inventory.ts';
import { hasWildcard, matchesWildcard } from './wildcard.ts';

/** Patterns (wildcard.ts) of `owner/name`, of the scope and of the key. A cache has to match each that is given. */
export interface CachePatterns {
  readonly repository?: string | undefined;
  readonly scope?: string | undefined;
  readonly key?: string | undefined;
}

/** Returns whether a cache matches the patterns. */
export function matchesPatterns(entry: CacheEntry, { repository, scope, key }: CachePatterns): boolean {
  return matches(repository, entry.repository) && matches(scope, entry.scope) && matches(key, entry.key);
}

function matches(pattern: string | undefined, text: string): boolean {
  return pattern === undefined || matchesWildcard(pattern, text);
}

/** Returns a pattern that only matches itself, so that nothing else need be listed. Returns undefined if it has wildcards. */
export function literal(pattern: string | undefined): string | undefined {
  return pattern === undefined || hasWildcard(pattern) ? undefined : pattern;
}
