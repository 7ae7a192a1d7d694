import { createProgress } from '../../report/progress.ts';
import type { OpenBackend, StepBackend } from '../backend/open.ts';
import { BadInputError } from '../inputs/bad-input.ts';
import { type ActionInputs, parseInputs } from '../inputs/inputs.ts';
import { badInputSentence } from '../inputs/read-input.ts';
import type { Runner } from '../runner/runner.ts';
import { noteHalfRestored } from './half-restored.ts';
import { setKeyOutput } from './outputs.ts';
import { eventProblem, lookupRequest, planStep, type StepPlan } from './plan.ts';
import { type Answer, ask } from './restore-answer.ts';
import { type RestorePhase, reportAnswer, reportDenied, sayIgnored } from './restore-report.ts';
import { type StepState, writeState } from './state.ts';

export interface RestoreStepOptions {
  readonly open: OpenBackend;
  readonly signal: AbortSignal;
  /** false: restore/, which no post phase follows. */
  readonly keepState: boolean;
}

/**
 * Restores (or only looks up) the cache of a step. A cache problem is a warning and counts as a miss; bad inputs fail
 * the step before anything is asked or written, and a miss does with `fail-on-cache-miss`.
 */
export async function restoreStep(runner: Runner, options: RestoreStepOptions): Promise<void> {
  const startedMs = performance.now();
  const event = eventProblem(runner.env);
  if (event !== undefined) return runner.log.warning(event);
  let plan: StepPlan;
  try {
    plan = await planStep(parseInputs(runner.env), runner.env);
  } catch (error) {
    if (error instanceof BadInputError) return runner.fail(badInputSentence(error, runner.env));
    throw error;
  }
  const { inputs } = plan;
  const phase: RestorePhase = { op: inputs.lookupOnly ? 'lookup' : 'restore', startedMs, inputs };
  const keep = (rest: Partial<StepState>) => {
    if (options.keepState) writeState(runner, { ...unfinished(inputs), ...rest });
  };

  setKeyOutput(runner, inputs.key);
  keep({});
  sayIgnored(runner, plan);
  if (!plan.access.read.allowed) {
    keep({ finished: true });
    return reportDenied(runner, phase, plan.access.read.reason);
  }

  const progress = createProgress({ log: runner.log, doing: 'Receiving', done: 'Received' });
  let backend: StepBackend | undefined;
  try {
    backend = await options.open(plan, {
      fallback: inputs.useFallback,
      bucketWasDown: false,
      onBytes: progress.add,
      onTotal: progress.expect,
    });
    const request = lookupRequest(plan, options.signal);
    const answer = await ask(runner, plan, backend, request, progress);
    const isHalf = answer.kind === 'failed' && answer.halfway === true;
    if (isHalf || (answer.kind === 'match' && !inputs.lookupOnly)) noteHalfRestored(runner, plan, isHalf);
    // A signal may come while the last renames are made: then the cache is there, and is reported
    if (options.signal.aborted && answer.kind !== 'match') {
      return runner.log.warning('Cache not restored: the step was cancelled.');
    }
    await reportAnswer(runner, { ...phase, backend, request }, answer);
    // Half a cache is not for the post phase to save
    keep({ finished: !isHalf, bucketWasDown: backend.bucketDown, ...remembered(answer, inputs) });
  } finally {
    progress.end();
    backend?.close();
  }
}

function unfinished(inputs: ActionInputs): StepState {
  return {
    paths: inputs.paths,
    key: inputs.key,
    restoreKeys: inputs.restoreKeys,
    finished: false,
    saveAlways: inputs.saveAlways,
    source: 'none',
    bucketWasDown: false,
  };
}

function remembered(answer: Answer, inputs: ActionInputs): Partial<StepState> {
  if (answer.kind === 'damaged') return answer.object === undefined ? {} : { damaged: answer.object };
  if (answer.kind !== 'match') return {};
  const { source, key, object } = answer.match;
  return {
    source,
    matchedKey: key,
    ...(object === undefined || inputs.lookupOnly ? {} : { base: object }),
  };
}
