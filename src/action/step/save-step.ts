import { createProgress } from '../../report/progress.ts';
import type { SaveOutcome, SaveRequest } from '../../storage/backend.ts';
import { isFallbackCause } from '../../storage/fallback.ts';
import { NameTooLongError, StoreRefusedError } from '../../storage/store-errors.ts';
import type { OpenBackend, StepBackend } from '../backend/open.ts';
import { BadInputError } from '../inputs/bad-input.ts';
import { parseInputs } from '../inputs/inputs.ts';
import { badInputSentence, type Environment, isOn } from '../inputs/read-input.ts';
import { decideSave } from '../run/policy.ts';
import type { Runner } from '../runner/runner.ts';
import { isHalfRestored } from './half-restored.ts';
import { closePhase, type PhaseResult } from './phase.ts';
import { eventProblem, planStep, recordDirectory, type StepPlan } from './plan.ts';
import { readState, type StepState } from './state.ts';

export interface SaveStepOptions {
  readonly open: OpenBackend;
  readonly signal: AbortSignal;
  /** true: the post phase, which follows a restore; false: save/. */
  readonly afterRestore: boolean;
}

/**
 * Saves the cache of a step. No problem here fails the job unless `fail-on-save-error` asks for it: each is one
 * warning, and what is not saved is said.
 */
export async function saveStep(runner: Runner, options: SaveStepOptions): Promise<void> {
  const startedMs = performance.now();
  const event = eventProblem(runner.env);
  if (event !== undefined) return runner.log.warning(event);
  const state = options.afterRestore ? readState(runner.env) : undefined;
  if (options.afterRestore && state === undefined) {
    return runner.log.info('Cache not saved: the restore step did not get as far as its key.');
  }
  let plan: StepPlan;
  try {
    plan = await planStep(parseInputs(runner.env, state), runner.env);
  } catch (error) {
    if (error instanceof BadInputError) return complain(runner, badInputSentence(error, runner.env));
    throw error;
  }
  const reason = whyNot(runner, plan, state);
  if (reason !== undefined) {
    runner.log.info(reason);
    const keys = { primaryKey: plan.inputs.key, matchedKey: state?.matchedKey };
    const result = { op: 'save', source: 'none', result: 'skipped' } as const;
    await closePhase(runner, result, { startedMs, backend: undefined, keys, summary: false });
    return;
  }
  await save(runner, plan, state, { ...options, startedMs });
}

/** One line on why nothing is saved; undefined: it is. */
function whyNot(runner: Runner, plan: StepPlan, state: StepState | undefined): string | undefined {
  const { inputs, access } = plan;
  if (state !== undefined) {
    const decision = decideSave(inputs.jobStatus, state.saveAlways);
    if (!decision.allowed) return `Cache not saved: ${decision.reason}.`;
    if (!state.finished) return 'Cache not saved: the restore did not come to its end.';
    if (isKept(plan, state)) {
      return `Cache hit occurred on the primary key ${inputs.key}, not saving cache.`;
    }
  }
  if (isHalfRestored(runner, plan)) return 'Cache not saved: these paths were restored only in part.';
  if (!access.write.allowed) return `Cache not saved: ${access.write.reason}.`;
  return undefined;
}

/** The cache that this step saves to holds the key already. GitHub's never replaces one. */
function isKept({ inputs, target }: StepPlan, state: StepState): boolean {
  const replaces = inputs.overwrite && target.kind !== 'github';
  return state.matchedKey === inputs.key && !replaces && state.source === target.kind;
}

async function save(
  runner: Runner,
  plan: StepPlan,
  state: StepState | undefined,
  options: SaveStepOptions & { readonly startedMs: number },
): Promise<void> {
  const { inputs, target } = plan;
  // GitHub has this key: only the bucket still lacks it.
  const onlyBucket =
    target.kind !== 'github' && state?.source === 'github' && state.matchedKey === inputs.key;
  const progress = createProgress({ log: runner.log, doing: 'Sending', done: 'Sent' });
  let backend: StepBackend | undefined;
  let mayBeVisible = false;
  const close = (result: PhaseResult) =>
    closePhase(runner, result, {
      startedMs: options.startedMs,
      backend,
      keys: { primaryKey: inputs.key, matchedKey: undefined },
      summary: inputs.summary,
    });
  try {
    backend = await options.open(plan, {
      fallback: inputs.useFallback && !onlyBucket,
      bucketWasDown: state?.bucketWasDown ?? false,
      onBytes: progress.add,
      onTotal: progress.expect,
    });
    const request = saveRequest(plan, state, runner.env, options.signal);
    const onPublish = () => {
      mayBeVisible = true;
    };
    // Whatever came of it is said below the progress, not in its group
    const outcome = await backend.save({ ...request, onPublish }).finally(progress.end);
    sayOutcome(runner, plan, outcome);
    const { result } = outcome;
    await close({
      op: 'save',
      source: 'none',
      ...outcome,
      ...(result === 'saved' ? { bytes: outcome.sizeBytes } : {}),
    });
  } catch (error) {
    runner.log.debug((error as Error).stack ?? String(error));
    if (options.signal.aborted) {
      runner.log.warning(
        mayBeVisible
          ? 'The step was cancelled in the last call of the save: the cache may be visible or not.'
          : 'Cache not saved: the step was cancelled, and nothing of it is visible.',
      );
    } else if (onlyBucket && isFallbackCause(error)) {
      runner.log.info(`Cache not saved to the bucket, and GitHub's cache holds the key: ${describe(error)}.`);
    } else {
      complain(runner, `Failed to save: ${describe(error)}`);
    }
    await close({ op: 'save', source: 'none', result: options.signal.aborted ? 'cancelled' : 'failed' });
  } finally {
    progress.end();
    backend?.close();
  }
}

function saveRequest(
  plan: StepPlan,
  state: StepState | undefined,
  env: Environment,
  signal: AbortSignal,
): SaveRequest {
  const { inputs, spaces, version, layout } = plan;
  return {
    key: inputs.key,
    paths: inputs.paths,
    crossOs: inputs.crossOs,
    version,
    space: spaces.write,
    layout,
    compressionLevel: inputs.compressionLevel,
    overwrite: inputs.overwrite,
    damaged: state?.damaged,
    base: state?.base,
    recordDirectory: recordDirectory(env),
    uploadChunkSizeBytes: inputs.uploadChunkSizeBytes,
    origin: {
      repository: plan.context.repository,
      ref: plan.context.ref,
      sha: env.GITHUB_SHA ?? '',
      runId: env.GITHUB_RUN_ID ?? '',
      runAttempt: env.GITHUB_RUN_ATTEMPT ?? '',
    },
    signal,
  };
}

function sayOutcome(runner: Runner, { inputs }: StepPlan, outcome: SaveOutcome): void {
  switch (outcome.result) {
    case 'saved':
      runner.log.info(`Cache saved with key: ${inputs.key}`);
      break;
    case 'exists':
      runner.log.info(`Cache not saved: the key ${inputs.key} was already saved by another job.`);
      break;
    case 'empty':
      runner.log.notice(`Cache not saved: nothing exists at the paths '${inputs.paths.join("', '")}'.`);
  }
}

function describe(error: unknown): string {
  const { message } = error as Error;
  if (error instanceof StoreRefusedError) return error.advice;
  if (error instanceof NameTooLongError) return `the input 'key' is too long for the bucket: ${message}`;
  return message;
}

/** A warning, or the end of the step where the user asked for that. */
function complain(runner: Runner, message: string): void {
  // Read on its own, because the inputs as a whole may be what is wrong.
  if (isOn(runner.env, 'fail-on-save-error')) runner.fail(message);
  else runner.log.warning(message);
}
