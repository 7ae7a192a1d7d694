import { randomBytes } from 'node:crypto';
import { markerName } from '../../cache/keys/cache-names.ts';
import type { JobRecords } from '../../records/job-records.ts';
import { createProgress } from '../../report/progress.ts';
import type { LookupRequest, StorageBackend } from '../../storage/backend.ts';
import {
  bucketWasDown,
  hasChangedTree,
  type LookupOutcome,
  type RestoreOutcome,
  rejectedObjects,
} from '../../storage/outcomes.ts';
import type { BackendOpener } from '../backend/open-backend.ts';
import type { ActionInputs } from '../inputs/inputs.ts';
import { readRunContext } from '../run/run-context.ts';
import type { Runner } from '../runner/runner.ts';
import { eventProblem, planOrRefuse, type StepPlan } from './plan.ts';
import { reportDenied, reportOutcome } from './restore-report.ts';
import { type StepState, writeState } from './state.ts';
import { pinOf } from './target-pin.ts';

/** Warning that only this step's own post phase detects that its paths are half restored. */
const LOST_RECORD =
  'The paths of this step were restored only in part, and RUNNER_TEMP cannot be written, so another save of this job would store them as they are: remove them before it, or let this user write to RUNNER_TEMP.';

interface RestoreStepOptions {
  readonly open: BackendOpener;
  readonly records: Pick<JobRecords, 'halfRestoredIsLost'>;
  readonly signal: AbortSignal;
  /** Whether a post phase follows: not after restore/. */
  readonly keepState: boolean;
}

/**
 * Restores the cache of a step, or only checks whether it exists. A problem of the cache is a warning and counts as a miss. Bad
 * inputs fail the step before any request, and a miss with `fail-on-cache-miss` fails it too.
 */
export async function restoreStep(runner: Runner, options: RestoreStepOptions): Promise<void> {
  const startedMs = performance.now();
  const context = readRunContext(runner.env);
  const badEvent = eventProblem(context);
  if (badEvent !== undefined) return runner.log.warning(badEvent);
  const plan = planOrRefuse(runner, context, { saves: false, refuse: runner.fail });
  if (!plan) return;
  const { inputs } = plan;
  const phase = { startedMs, inputs };
  const saveState = (rest: Partial<StepState>) => {
    if (options.keepState) writeState(runner, { ...initialState(plan), ...rest });
  };

  // This is before any request, so that it is set after a failure too
  runner.setOutput('cache-primary-key', inputs.key);
  saveState({});
  if (!plan.access.read.isAllowed) {
    saveState({ finished: true });
    return reportDenied(runner, phase, plan.access.read.reason);
  }

  const progress = createProgress({ log: runner.log, doing: 'Receiving', done: 'Received' });
  let backend: StorageBackend | undefined;
  try {
    backend = await options.open(plan.target, {
      useFallback: inputs.useFallback,
      bucketWasDown: false,
      progress,
      diskCache: inputs.diskCache,
    });
    // The report is below the group of the progress, not inside it
    const outcome = await fetchCache(plan, backend, options).finally(progress.end);
    await reportOutcome(runner, { ...phase, backend }, outcome);
    const { halfRestoredIsLost } = options.records;
    if (halfRestoredIsLost) runner.log.warning(LOST_RECORD);
    if (outcome.kind !== 'cancelled' && !halfRestoredIsLost) saveState(stateAfter(outcome, inputs));
  } finally {
    progress.end();
    backend?.close();
  }
}

function fetchCache(
  plan: StepPlan,
  backend: StorageBackend,
  { signal, keepState }: RestoreStepOptions,
): Promise<LookupOutcome | RestoreOutcome> {
  const { key, restoreKeys, paths, crossOs, prefix, lookupOnly } = plan.inputs;
  const request: LookupRequest = {
    primaryKey: key,
    restoreKeys,
    paths,
    crossOs,
    version: plan.version,
    places: plan.places.read,
    markerName: name => markerName(prefix, name),
    elsewhere: plan.places.elsewhere,
    signal,
  };
  if (lookupOnly) return backend.lookup(request);
  const run = plan.context.runId.replace(/\D/g, '') || '0';
  return backend.restore({
    ...request,
    layout: plan.layout,
    includedPaths: plan.layout.includedPaths,
    // Jobs of one run may share a directory: the run's number alone is not unique
    runLabel: `${run}-${randomBytes(4).toString('hex')}`,
    isWarm: plan.inputs.warmRestore,
    savesLater: keepState && plan.access.write.isAllowed,
  });
}

/** Returns the state of a restore that has not finished. */
function initialState(plan: StepPlan): StepState {
  const { paths, key, restoreKeys, saveAlways } = plan.inputs;
  const target = pinOf(plan);
  return {
    paths,
    key,
    restoreKeys,
    finished: false,
    saveAlways,
    home: plan.context.home,
    target,
    source: 'none',
    bucketWasDown: false,
  };
}

function stateAfter(
  outcome: LookupOutcome | RestoreOutcome,
  { lookupOnly }: ActionInputs,
): Partial<StepState> {
  const damaged = rejectedObjects(outcome).find(({ kind }) => kind === 'damaged')?.object;
  const state = {
    finished: !hasChangedTree(outcome),
    bucketWasDown: bucketWasDown(outcome),
    ...(damaged && { damaged }),
  };
  if (outcome.kind !== 'hit') return state;
  const { source, key, object } = outcome;
  const base = object === undefined || lookupOnly ? {} : { base: object };
  return { ...state, source, matchedKey: key, ...base };
}
