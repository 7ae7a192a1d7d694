import type { KeySpace, MatchStep } from '../../storage/backend.ts';

/**
 * The questions of a lookup in GitHub's order: for each place in turn the exact key, then the newest entry whose key
 * starts with `primaryKey`, then for each restore-key the newest that starts with it. A nearer place wins over a better
 * match further away, as in actions/cache.
 */
export function matchOrder(
  spaces: readonly KeySpace[],
  primaryKey: string,
  restoreKeys: readonly string[],
): readonly MatchStep[] {
  return spaces.flatMap(space => [
    { kind: 'exact' as const, space, key: primaryKey },
    ...[...new Set([primaryKey, ...restoreKeys])].map(key => ({ kind: 'prefix' as const, space, key })),
  ]);
}
