import { isRepositoryPattern } from '../../cache/cache-patterns.ts';
import { describeCache, describeReason, describeResult, VERSIONS_KEPT } from '../../cache/prune/describe.ts';
import { hasRule, type PruneChoice, rulesOf } from '../../cache/prune/plan.ts';
import { type PruneRequest, type PruneResult, pruneCaches } from '../../cache/prune/prune-caches.ts';
import { formatBytes, formatCount } from '../../report/units.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { StoreError, StoreRefusedError } from '../../storage/store-errors.ts';
import { openStore } from '../backend/open-backend.ts';
import { badInputSentence, inputNamer } from '../inputs/input-names.ts';
import { parseStoreInputs } from '../inputs/inputs.ts';
import { AGE, type Quantity, SIZE } from '../inputs/quantities.ts';
import {
  BadInputError,
  badValue,
  type Environment,
  readBoolean,
  readInput,
  readInteger,
  readParsed,
} from '../inputs/read-input.ts';
import { resolveTarget } from '../inputs/target.ts';
import { type RunContext, readRunContext } from '../run/run-context.ts';
import { maskSecret } from '../runner/mask-secrets.ts';
import type { Runner } from '../runner/runner.ts';

/** Maximum number of deletions in the job summary. */
const MAX_ROWS = 50;

/** The inputs that decide which caches are deleted. */
interface PruneInputs extends PruneChoice {
  readonly dryRun: boolean;
}

/**
 * Runs the action prune/. Bad inputs and every error of the store fail the step: no other step depends on it, and a bucket
 * that is never pruned fills up.
 */
export async function prune(runner: Runner, signal: AbortSignal): Promise<void> {
  const { env, log } = runner;
  let store: ObjectStore | undefined;
  try {
    const context = readRunContext(env);
    const inputs = parseStoreInputs(env);
    const choice = readPruneInputs(env, context);
    const target = resolveTarget(inputs, { env, forkPullRequest: runsForkCode(context), saves: false });
    if (target.kind === 'github')
      throw new BadInputError('bucket', "is missing: set it, because GitHub's cache cannot be pruned.");
    store = await openStore(target, { log, mask: maskSecret });
    await pruneStore(runner, { store, prefix: inputs.prefix, signal }, choice);
  } catch (error) {
    runner.fail(failureSentence(error, env, signal));
  } finally {
    store?.close();
  }
}

/**
 * Returns whether the run's workflow may be from a fork. The workflow of `pull_request_target` is from the base, and this step
 * runs nothing of the checkout.
 */
function runsForkCode({ isFromFork, eventName }: RunContext): boolean {
  return isFromFork && eventName !== 'pull_request_target';
}

/**
 * Reads the inputs that decide which caches are deleted. No CACHE_S3_ variable replaces them, because these variables are for
 * the steps that use caches. Throws `BadInputError`.
 */
function readPruneInputs(env: Environment, { repository }: RunContext): PruneInputs {
  const own = Object.fromEntries(Object.entries(env).filter(([name]) => name.startsWith('INPUT_')));
  const text = (name: string) => readInput(own, name) || undefined;
  const quantity = (name: string, { parse, form }: Quantity) => readParsed(own, name, parse, form);
  const pattern = text('repository') ?? repository;
  if (!isRepositoryPattern(pattern)) throw badValue('repository', pattern, 'owner/name or a pattern of it');
  return {
    repository: pattern,
    scope: text('scope'),
    key: text('key'),
    unusedMs: quantity('unused', AGE),
    maxAgeMs: quantity('max-age', AGE),
    maxSizeBytes: quantity('max-size', SIZE),
    perRepositoryBytes: quantity('per-repository', SIZE),
    keepNewest: readInteger(own, 'keep-newest', { min: 1, max: 1_000_000 }),
    dryRun: readBoolean(own, 'dry-run') ?? false,
  };
}

/** The notice about a step without a rule. An input whose expression is empty is not set, and the bucket would grow unnoticed. */
const NO_RULE =
  'No cache is deleted, because no rule is set: set unused, max-age, max-size, per-repository, keep-newest, scope or key.';

async function pruneStore(
  runner: Runner,
  request: Pick<PruneRequest, 'store' | 'prefix' | 'signal'>,
  { dryRun, ...choice }: PruneInputs,
): Promise<void> {
  const { log } = runner;
  const { store } = request;
  const rules = rulesOf(choice);
  const rows: (readonly [cache: string, reason: string])[] = [];
  const result = await pruneCaches({
    ...request,
    patterns: choice,
    rules,
    removesLeftovers: true,
    dryRun,
    onDeletion(deletion) {
      const cache = describeCache(deletion.entry);
      const why = describeReason(deletion, rules, store.nowMs);
      log.info(`${dryRun ? 'Would delete' : 'Deleted'} ${cache}: ${why}`);
      if (rows.length < MAX_ROWS) {
        rows.push([cache, `${formatBytes(deletion.entry.object.sizeBytes)}, ${why}`]);
      }
    },
  });
  for (const line of describeResult(result, dryRun)) log.info(line);
  if (!hasRule(rules)) log.notice(NO_RULE);
  if (store.versioned && result.deletedCaches > 0) log.warning(VERSIONS_KEPT);
  runner.setOutput('deleted-caches', String(result.deletedCaches));
  runner.setOutput('deleted-bytes', String(result.deletedBytes));
  const title = dryRun ? 'Cache prune (dry run)' : 'Cache prune';
  await runner.addSummary(title, [...totalsOf(result, dryRun), ...rows]);
}

function totalsOf(
  { caches, bytes, deletedCaches, deletedBytes, deletedMarkers }: PruneResult,
  dryRun: boolean,
): readonly (readonly [string, string])[] {
  return [
    ['Caches', `${formatCount(caches)}, ${formatBytes(bytes)}`],
    [dryRun ? 'To delete' : 'Deleted', `${formatCount(deletedCaches)}, ${formatBytes(deletedBytes)}`],
    [dryRun ? 'Markers to delete' : 'Deleted markers', formatCount(deletedMarkers)],
  ];
}

/** Returns one sentence for an error of the step. Throws the error if neither the inputs nor the store has caused it. */
function failureSentence(error: unknown, env: Environment, signal: AbortSignal): string {
  if (signal.aborted)
    return 'The prune was cancelled: caches that it deleted stay deleted, and the next prune deletes the rest.';
  if (error instanceof BadInputError) return badInputSentence(error, env);
  if (error instanceof StoreRefusedError) return `Failed to prune: ${error.advise(inputNamer(env))}`;
  if (error instanceof StoreError) return `Failed to prune: ${error.message}`;
  throw error;
}
