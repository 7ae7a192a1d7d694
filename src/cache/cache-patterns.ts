import type { CacheName } from './keys/cache-names.ts';
import type { TrialPlace } from './keys/trial-names.ts';
import { ANY, align } from './paths/glob.ts';

/** Patterns with wildcards for `owner/name`, the scope and the key. A cache must match each pattern that is given. */
export interface CachePatterns {
  readonly repository?: string | undefined;
  readonly scope?: string | undefined;
  readonly key?: string | undefined;
}

/** Returns whether a cache matches the patterns. */
export function matchesPatterns(cache: CacheName, { repository, scope, key }: CachePatterns): boolean {
  return matches(repository, cache.repository) && matches(scope, cache.scope) && matches(key, cache.key);
}

/** Returns whether a trial of `cache-s3 doctor` matches the patterns. A trial has no key, so it matches no pattern for the key. */
export function matchesTrial(trial: TrialPlace, { repository, scope, key }: CachePatterns): boolean {
  return matches(repository, trial.repository) && matches(scope, trial.scope) && key === undefined;
}

function matches(pattern: string | undefined, text: string | undefined): boolean {
  return pattern === undefined || (text !== undefined && matchesWildcard(pattern, text));
}

/** Returns the repository and the scope that all caches of the patterns have in common, if any, so that only they are listed. */
export function placeOfPatterns({ repository, scope }: CachePatterns) {
  return { repository: literal(repository), scope: literal(scope) };
}

/** Returns a pattern that matches only itself. Returns undefined if it has wildcards. */
function literal(pattern: string | undefined): string | undefined {
  return pattern === undefined || hasWildcard(pattern) ? undefined : pattern;
}

/**
 * Returns whether a pattern can match `owner/name`. The empty pattern, which an unset variable causes, would match the caches
 * that all repositories share.
 */
export function isRepositoryPattern(pattern: string): boolean {
  return pattern.includes('/') || hasWildcard(pattern);
}

/** Returns whether a pattern has a wildcard. */
export function hasWildcard(pattern: string): boolean {
  return /[*?]/.test(pattern);
}

/**
 * Returns whether a text matches a pattern as a whole: `*` is any number of UTF-16 units, `/` included, and `?` is one. The number
 * of steps is at most the product of the lengths, because keys are foreign text.
 */
export function matchesWildcard(pattern: string, text: string): boolean {
  const tests = pattern.split('').map(unit => (unit === '*' ? ANY : unit));
  return align(tests, text.length, true, (test, i) => test === '?' || test === text[i]) >= 0;
}
