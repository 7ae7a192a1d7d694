import type { JobRecords } from '../../records/job-records.ts';
import { createProgress } from '../../report/progress.ts';
import type { SaveRequest, StorageBackend } from '../../storage/backend.ts';
import type { BackendOpener } from '../backend/open-backend.ts';
import type { Environment } from '../inputs/read-input.ts';
import { decideSave } from '../run/policy.ts';
import { readRunContext } from '../run/run-context.ts';
import type { Runner } from '../runner/runner.ts';
import { closePhase } from './phase.ts';
import { eventProblem, planOrRefuse, type StepPlan } from './plan.ts';
import { reportSave, warnOrFail } from './save-report.ts';
import { readState, type StepState } from './state.ts';
import { pinOf, pinProblem } from './target-pin.ts';

interface SaveStepOptions {
  readonly open: BackendOpener;
  readonly records: JobRecords;
  readonly signal: AbortSignal;
  /** Whether it is the post phase, which follows a restore, and not save/. */
  readonly isAfterRestore: boolean;
}

/**
 * Saves the cache of a step. Each problem is one warning, or fails the step if `fail-on-save-error` is set. The reason of a
 * skipped save is logged.
 */
export async function saveStep(runner: Runner, options: SaveStepOptions): Promise<void> {
  const startedMs = performance.now();
  const context = readRunContext(runner.env);
  const badEvent = eventProblem(context);
  if (badEvent !== undefined) return runner.log.warning(badEvent);
  const state = options.isAfterRestore ? readState(runner.env) : undefined;
  if (options.isAfterRestore && state === undefined) {
    return runner.log.info('Cache not saved: the restore step failed before it read its key.');
  }
  const plan = planOrRefuse(runner, state ? { ...context, home: state.home } : context, {
    saves: true,
    remembered: state,
    bucketEnv: postEnvironment(runner.env, state),
    refuse: sentence => warnOrFail(runner, `Cache not saved: ${sentence}`),
  });
  if (!plan) return;
  const reason = skipReason(plan, state, options.records);
  const problem = state && pinProblem(state.target, pinOf(plan));
  if (reason !== undefined) runner.log.info(reason);
  else if (problem !== undefined) runner.log.warning(problem);
  else return save(runner, plan, state, { ...options, startedMs });
  // The job summary has only saves that were tried
  const inputs = { ...plan.inputs, summary: false };
  await closePhase(runner, { startedMs, inputs }, { op: 'save', source: 'none', result: 'skipped' });
}

/**
 * Returns the environment with the region of the main phase. Steps that log in to AWS set AWS_REGION for the rest of the job, and
 * the bucket does not move with it.
 */
function postEnvironment(env: Environment, state: StepState | undefined): Environment {
  const region = state?.target.region;
  return region === undefined ? env : { ...env, AWS_REGION: region };
}

/** Returns the line that reports why the save is skipped. Returns undefined if it is not. */
function skipReason(plan: StepPlan, state: StepState | undefined, records: JobRecords): string | undefined {
  const { inputs, access } = plan;
  if (state !== undefined) {
    const decision = decideSave(inputs.jobStatus, state.saveAlways);
    if (!decision.isAllowed) return `Cache not saved: ${decision.reason}.`;
    if (!state.finished)
      return 'Cache not saved: the restore did not finish. See the log of the restore step.';
    if (isSaved(plan, state)) {
      return `Cache hit occurred on the primary key ${inputs.key}, not saving cache.`;
    }
  }
  if (records.isHalfRestored(plan.layout.includedPaths)) {
    return 'Cache not saved: these paths were restored only in part.';
  }
  if (!access.write.isAllowed) return `Cache not saved: ${access.write.reason}.`;
  return undefined;
}

/** Returns whether the store that this step saves to already has the key, and keeps it. GitHub's never replaces a cache. */
function isSaved({ inputs, target, places }: StepPlan, { matchedKey, source, damaged }: StepState): boolean {
  if (matchedKey !== inputs.key || source !== target.kind) return false;
  if (target.kind === 'github') return true;
  // The hit was in another ref, if this ref's own object of the key is damaged
  const isDamaged = damaged !== undefined && places.write.parse(damaged.name)?.key === inputs.key;
  return !inputs.overwrite && !isDamaged;
}

async function save(
  runner: Runner,
  plan: StepPlan,
  state: StepState | undefined,
  options: SaveStepOptions & { readonly startedMs: number },
): Promise<void> {
  const { inputs, target } = plan;
  // GitHub has this key already, and the bucket does not
  const isBucketOnly =
    target.kind !== 'github' && state?.source === 'github' && state.matchedKey === inputs.key;
  const progress = createProgress({ log: runner.log, doing: 'Sending', done: 'Sent' });
  let backend: StorageBackend | undefined;
  try {
    backend = await options.open(target, {
      useFallback: inputs.useFallback && !isBucketOnly,
      bucketWasDown: state?.bucketWasDown ?? false,
      progress,
    });
    const request = saveRequest(plan, state, options.signal);
    // The report is below the group of the progress, not inside it
    const outcome = await backend.save(request).finally(progress.end);
    await reportSave(runner, { inputs, backend, isBucketOnly, startedMs: options.startedMs }, outcome);
  } finally {
    progress.end();
    backend?.close();
  }
}

function saveRequest(plan: StepPlan, state: StepState | undefined, signal: AbortSignal): SaveRequest {
  const { inputs, places, version, layout } = plan;
  const { repository, ref, sha, runId, runAttempt } = plan.context;
  return {
    key: inputs.key,
    paths: inputs.paths,
    crossOs: inputs.crossOs,
    version,
    place: places.write,
    layout,
    compressionLevel: inputs.compressionLevel,
    overwrite: inputs.overwrite,
    damaged: state?.damaged,
    base: state?.base,
    uploadChunkSizeBytes: inputs.uploadChunkSizeBytes,
    origin: { repository, ref, sha, runId, runAttempt },
    signal,
  };
}
