import { randomBytes } from 'node:crypto';
import { DamagedArchiveError, TargetTreeError } from '../archive/errors.ts';
import { createProgress, type Progress } from '../report/progress.ts';
import type { CacheMatch, DamagedObject, LookupRequest, RestoreOutcome } from '../storage/backend.ts';
import { StoreRefusedError, StoreUnavailableError } from '../storage/errors.ts';
import { BadInputError } from './bad-input.ts';
import { type ActionInputs, parseInputs } from './inputs.ts';
import type { OpenBackend, StepBackend } from './open.ts';
import { setKeyOutput, setMatchOutputs, setUnavailableOutputs } from './outputs.ts';
import { closePhase } from './phase.ts';
import { eventProblem, lookupRequest, planStep, recordDirectory, type StepPlan } from './plan.ts';
import type { Runner } from './runner.ts';
import { type StepState, writeState } from './state.ts';

export interface RestoreStepOptions {
  readonly open: OpenBackend;
  readonly signal: AbortSignal;
  /** false: restore/, which no post phase follows. */
  readonly keepState: boolean;
}

type Match = CacheMatch & Partial<Pick<RestoreOutcome, 'entries' | 'rawBytes'>>;

/** How the question of a restore was answered. */
type Answer =
  | { readonly kind: 'match'; readonly match: Match }
  | { readonly kind: 'miss' }
  | { readonly kind: 'damaged'; readonly reason: string; readonly object: DamagedObject | undefined }
  /** Nobody could say, or the tree could not be written. `halfway`: some of it was. */
  | { readonly kind: 'failed'; readonly reason: string; readonly halfway?: boolean };

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
    if (error instanceof BadInputError) return runner.fail(error.message);
    throw error;
  }
  const { inputs } = plan;
  const op = inputs.lookupOnly ? ('lookup' as const) : ('restore' as const);
  const keys = { primaryKey: inputs.key, matchedKey: undefined };
  const keep = (rest: Partial<StepState>) => {
    if (options.keepState) writeState(runner, { ...unfinished(inputs), ...rest });
  };

  setKeyOutput(runner, inputs.key);
  keep({});
  sayIgnored(runner, plan);
  if (!plan.access.read.allowed) {
    runner.log.info(`Cache not restored: ${plan.access.read.reason}.`);
    keep({ finished: true });
    const result = { op, source: 'none', result: 'denied' } as const;
    setMatchOutputs(runner, undefined);
    await closePhase(runner, result, { startedMs, backend: undefined, keys, summary: inputs.summary });
    return sayMiss(runner, inputs);
  }

  const progress = createProgress({ log: runner.log, doing: 'Receiving', done: 'Received' });
  let backend: StepBackend | undefined;
  try {
    backend = await options.open(plan, {
      fallback: inputs.useFallback,
      once: false,
      onBytes: progress.add,
      onTotal: progress.expect,
    });
    const request = lookupRequest(plan, options.signal);
    const answer = await ask(backend, plan, runner, request, progress);
    // A signal may come while the last renames are made: then the cache is there, and is reported
    if (options.signal.aborted && answer.kind !== 'match') {
      return runner.log.warning('Cache not restored: the step was cancelled.');
    }
    await report(runner, plan, backend, answer, { startedMs, op, request });
    // Half a cache is not for the post phase to save
    const finished = answer.kind !== 'failed' || !answer.halfway;
    keep({ finished, bucketDown: backend.bucketDown, ...remembered(answer, inputs) });
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
    bucketDown: false,
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

async function ask(
  backend: StepBackend,
  plan: StepPlan,
  runner: Runner,
  request: LookupRequest,
  progress: Progress,
): Promise<Answer> {
  const { GITHUB_RUN_ID: run = '0' } = runner.env;
  try {
    const asked: Promise<Match | undefined> = plan.inputs.lookupOnly
      ? backend.lookup(request)
      : backend.restore({
          ...request,
          layout: plan.layout,
          // Jobs of one run may share a directory: the run's number alone is not unique.
          runLabel: `${run.replace(/\D/g, '')}-${randomBytes(4).toString('hex')}`,
          warm: plan.inputs.warmRestore,
          recordDirectory: recordDirectory(plan.inputs, runner.env),
        });
    // Whatever came of it is said below the progress, not in its group
    const match = await asked.finally(progress.end);
    if (match !== undefined) return { kind: 'match', match };
    if (backend.unanswered !== undefined) return { kind: 'failed', reason: backend.unanswered };
    return { kind: 'miss' };
  } catch (error) {
    const reason = (error as Error).message;
    runner.log.debug((error as Error).stack ?? reason);
    if (request.signal?.aborted) return { kind: 'failed', reason };
    if (error instanceof DamagedArchiveError) {
      runner.log.warning(`Cache not restored, its object is damaged and nothing was written: ${reason}`);
      return { kind: 'damaged', reason, object: error.object };
    }
    const outage = error instanceof StoreUnavailableError || error instanceof StoreRefusedError;
    const halfway = error instanceof TargetTreeError && error.halfway;
    if (outage) runner.log.warning(`${reason}.`);
    else if (halfway) runner.log.warning(`Cache restored only in part: ${reason}`);
    else runner.log.warning(`Cache not restored: ${reason}`);
    return { kind: 'failed', reason, halfway };
  }
}

async function report(
  runner: Runner,
  plan: StepPlan,
  backend: StepBackend,
  answer: Answer,
  phase: {
    readonly startedMs: number;
    readonly op: 'restore' | 'lookup';
    readonly request: LookupRequest;
  },
): Promise<void> {
  const { inputs } = plan;
  const match = answer.kind === 'match' ? answer.match : undefined;
  const close = (result: string) =>
    closePhase(
      runner,
      {
        op: phase.op,
        source: match?.source ?? 'none',
        result,
        bytes: match?.sizeBytes,
        entries: match?.entries,
        rawBytes: match?.rawBytes,
      },
      {
        startedMs: phase.startedMs,
        backend,
        keys: { primaryKey: inputs.key, matchedKey: match?.key },
        summary: inputs.summary,
      },
    );

  if (match !== undefined) {
    setMatchOutputs(runner, match);
    const found = inputs.lookupOnly ? 'Cache found and can be restored' : 'Cache restored';
    runner.log.info(`${found} from key: ${match.key}`);
    return close(match.exact ? 'hit' : 'partial');
  }
  if (answer.kind === 'failed') {
    setUnavailableOutputs(runner);
    await close('failed');
    if (inputs.failOnCacheMiss) {
      runner.fail(
        `Failed to restore cache entry: ${answer.reason}. Exiting as fail-on-cache-miss is set, although this is no answer and no miss. Input key: ${inputs.key}`,
      );
    }
    return;
  }
  setMatchOutputs(runner, undefined);
  if (answer.kind === 'miss') await diagnose(runner, backend, phase.request);
  await close(answer.kind);
  sayMiss(runner, inputs);
}

/** One line on why, where the bucket knows it. Never a reason to fail. */
async function diagnose(runner: Runner, backend: StepBackend, request: LookupRequest): Promise<void> {
  try {
    const line = await backend.diagnose?.(request);
    if (line !== undefined) runner.log.info(line);
  } catch (error) {
    runner.log.debug(`No diagnosis: ${(error as Error).message}`);
  }
}

function sayMiss(runner: Runner, inputs: ActionInputs): void {
  if (inputs.failOnCacheMiss) {
    runner.fail(
      `Failed to restore cache entry. Exiting as fail-on-cache-miss is set. Input key: ${inputs.key}`,
    );
    return;
  }
  runner.log.info(`Cache not found for input keys: ${[inputs.key, ...inputs.restoreKeys].join(', ')}`);
}

/** Inputs that mean nothing are said once, in the phase that comes first. */
function sayIgnored(runner: Runner, { target }: StepPlan): void {
  if (target.kind !== 'github' || target.ignored.length === 0) return;
  const names = target.ignored.map(name => `'${name}'`).join(', ');
  runner.log.warning(
    `Input 'bucket' is empty, so GitHub's cache is used and ${names} ${target.ignored.length === 1 ? 'means' : 'mean'} nothing: set 'bucket' to use yours.`,
  );
}
