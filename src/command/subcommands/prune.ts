import { type CachePatterns, matchesWildcard } from '../../cache/cache-patterns.ts';
import { describeCache, describeReason, describeResult, VERSIONS_KEPT } from '../../cache/prune/describe.ts';
import { type Deletion, hasRule, rulesOf } from '../../cache/prune/plan.ts';
import { type PruneRequest, type PruneResult, pruneCaches } from '../../cache/prune/prune-caches.ts';
import { formatBytes, formatCount } from '../../report/units.ts';
import { CommandError } from '../command-error.ts';
import { sentenceOf } from '../failure.ts';
import type { Invocation } from '../invocation.ts';
import { safeJson } from '../output/json.ts';
import { OutputError } from '../output/output.ts';
import { jsonRow } from './list.ts';
import { checkFilter, type Filter, matchesFilter } from './select.ts';

interface DryRun {
  readonly dryRun?: boolean;
}

/** Options of `prune`: ages in ms, sizes in bytes. */
type PruneOptions = CachePatterns &
  DryRun &
  Partial<Record<'unused' | 'maxAge' | 'perRepository' | 'maxSize' | 'keepNewest', number>>;

/** Deletes caches by rules. */
export async function pruneCommand(
  invocation: Invocation,
  { dryRun = false, unused, maxAge, perRepository, maxSize, ...options }: PruneOptions,
): Promise<void> {
  const rules = rulesOf({
    ...options,
    unusedMs: unused,
    maxAgeMs: maxAge,
    perRepositoryBytes: perRepository,
    maxSizeBytes: maxSize,
  });
  if (!hasRule(rules)) {
    invocation.output.note(
      'No rule is given, so no cache is deleted, only leftovers: --help shows the rules.',
    );
  }
  await runPrune(invocation, { patterns: options, rules, dryRun, removesLeftovers: true });
}

/**
 * Deletes the caches that meet the filter and one of `keys`, which are patterns of keys and names of objects. Deletes nothing
 * else. Throws `CommandError` if it deletes none.
 */
export async function removeCommand(
  invocation: Invocation,
  { dryRun = false, ...options }: Filter & DryRun,
  keys: readonly string[],
): Promise<void> {
  checkFilter(options);
  const { caches, deletedCaches } = await runPrune(invocation, {
    patterns: options,
    select: entry =>
      keys.some(key => key === entry.object.name || matchesWildcard(key, entry.key)) &&
      matchesFilter(entry, options, invocation.store.nowMs),
    rules: { all: true },
    dryRun,
    removesLeftovers: false,
  });
  if (caches === 0) throw new CommandError('No cache matches, so nothing was deleted.');
  if (deletedCaches === 0) {
    throw new CommandError(
      'Nothing was deleted: the caches that were listed do not exist or match any more.',
    );
  }
}

/** Runs a prune and writes each deletion. */
async function runPrune(
  { store, prefix, output, signal }: Invocation,
  choice: Pick<PruneRequest, 'patterns' | 'select' | 'rules' | 'dryRun' | 'removesLeftovers'>,
): Promise<PruneResult> {
  const { rules, dryRun } = choice;
  const progress = output.progress('Reading the listing');
  let read = 0;
  let rows = 0;
  const onDeletion = async (deletion: Deletion) => {
    const { entry, reason } = deletion;
    progress.end();
    if (output.json) {
      await output.raw(`${rows++ === 0 ? '' : ','}\n${safeJson({ ...jsonRow(entry), reason })}`);
      return;
    }
    const cache = `${describeCache(entry)} (${formatBytes(entry.object.sizeBytes)})`;
    const why = describeReason(deletion, rules, store.nowMs);
    await output.lines(`${dryRun ? 'would delete' : 'deleted'} ${cache}: ${why}`);
  };
  try {
    if (output.json) await output.raw('{"deleted": [');
    const result = await pruneCaches({
      store,
      prefix,
      ...choice,
      signal,
      onRead: () => progress.update(`Reading the listing: ${formatCount(++read)} objects`),
      onDeletion,
    });
    const { requests } = store.counters;
    // The document begins with the deletions, which may be many: none of them is kept
    if (output.json) await output.raw(`\n],\n${safeJson({ dryRun, ...result, requests }).slice(1)}\n`);
    else for (const line of describeResult(result, dryRun)) await output.lines(line);
    if (store.versioned && result.deletedCaches > 0) output.note(`Warning: ${VERSIONS_KEPT}`);
    return result;
  } catch (error) {
    if (output.json && !(error instanceof OutputError)) {
      await output.raw(`\n],\n"error": ${safeJson(sentenceOf(error))}\n}\n`);
    }
    throw error;
  } finally {
    progress.end();
  }
}
