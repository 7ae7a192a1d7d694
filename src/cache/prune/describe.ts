import { countOf, formatAge, formatBytes, formatCount } from '../../report/units.ts';
import { lastUseMs } from '../inventory.ts';
import type { CacheName } from '../keys/cache-names.ts';
import type { Deletion, PruneRules } from './plan.ts';
import type { PruneResult } from './prune-caches.ts';

/** Returns the repository, if there is one, the scope and the key of a cache. */
export function describeCache({ repository, scope, key }: CacheName): string {
  return [repository, scope, key].filter(part => part !== '').join(' ');
}

/** Returns why a cache is deleted, as one clause. */
export function describeReason({ entry, reason }: Deletion, rules: PruneRules, nowMs: number): string {
  const { modifiedMs = nowMs } = entry.object;
  const usedMs = lastUseMs(entry);
  const unused =
    usedMs === undefined ? 'its last use is not known' : `not used for ${formatAge(nowMs - usedMs)}`;
  switch (reason) {
    case 'all':
      return 'selected';
    case 'age':
      return `saved ${formatAge(nowMs - modifiedMs)} ago, over the limit of ${formatAge(rules.maxAgeMs ?? 0)}`;
    case 'unused':
      return `${unused}, over the limit of ${formatAge(rules.unusedMs ?? 0)}`;
    case 'repository-size':
      return `its repository exceeds ${formatBytes(rules.perRepositoryBytes ?? 0)}; ${unused}`;
    case 'size':
      return `all caches together exceed ${formatBytes(rules.maxSizeBytes ?? 0)}; ${unused}`;
  }
}

/** Warning after deletions in a bucket that keeps versions. */
export const VERSIONS_KEPT =
  'The bucket keeps versions, so the bytes of deleted caches stay as old versions: add a lifecycle rule for them (NoncurrentVersionExpiration).';

/** Returns the results as sentences. */
export function describeResult(result: PruneResult, dryRun: boolean): readonly string[] {
  const { caches, bytes, deletedCaches, deletedBytes, deletedMarkers, deletedTrials } = result;
  const { refusedLeftovers, abortedUploads, changed, excessBytes } = result;
  const verb = dryRun ? 'Would delete' : 'Deleted';
  const lines = [
    `${verb} ${countOf(deletedCaches, 'cache')} of ${formatCount(caches)}, ${formatBytes(deletedBytes)} of ${formatBytes(bytes)}.`,
  ];
  if (deletedMarkers > 0) lines.push(`${verb} ${countOf(deletedMarkers, 'marker')} without a cache.`);
  if (deletedTrials > 0) lines.push(`${verb} ${countOf(deletedTrials, 'trial object')} of cache-s3 doctor.`);
  if (refusedLeftovers > 0) {
    const were = refusedLeftovers === 1 ? 'was' : 'were';
    lines.push(
      `${countOf(refusedLeftovers, 'leftover')} (markers without a cache, trial objects) ${were} not deleted: the credentials do not allow it.`,
    );
  }
  if (abortedUploads === undefined) {
    lines.push('Unfinished uploads were not aborted: the credentials do not allow it.');
  } else if (abortedUploads > 0) {
    const aborted = dryRun ? 'Would abort' : 'Aborted';
    lines.push(`${aborted} ${countOf(abortedUploads, 'unfinished upload')} older than a day.`);
  }
  if (changed > 0) {
    lines.push(
      `The rules were applied again in ${countOf(changed, 'case')}, because a cache was used or saved during the prune.`,
    );
  }
  if (excessBytes > 0) {
    lines.push(
      `The limit on the size is exceeded by ${formatBytes(excessBytes)}, because the newest caches are kept.`,
    );
  }
  return lines;
}
