import type { LookupRequest } from '../../storage/backend.ts';
import type { StepBackend } from '../backend/open.ts';
import type { ActionInputs } from '../inputs/inputs.ts';
import type { Runner } from '../runner/runner.ts';
import { setMatchOutputs, setUnavailableOutputs } from './outputs.ts';
import { closePhase } from './phase.ts';
import type { StepPlan } from './plan.ts';
import type { Answer } from './restore-answer.ts';

export interface RestorePhase {
  readonly op: 'restore' | 'lookup';
  /** By `performance.now()`. */
  readonly startedMs: number;
  readonly inputs: ActionInputs;
}

/** A phase in which a backend was asked. */
export interface AnsweredPhase extends RestorePhase {
  readonly backend: StepBackend;
  readonly request: LookupRequest;
}

/** The run may not read, so nobody is asked: a miss. */
export async function reportDenied(runner: Runner, phase: RestorePhase, reason: string): Promise<void> {
  const { op, startedMs, inputs } = phase;
  runner.log.info(`Cache not restored: ${reason}.`);
  setMatchOutputs(runner, undefined);
  sayMiss(runner, inputs);
  await closePhase(
    runner,
    { op, source: 'none', result: 'denied' },
    {
      startedMs,
      backend: undefined,
      keys: { primaryKey: inputs.key, matchedKey: undefined },
      summary: inputs.summary,
    },
  );
}

/** Tells what came of it: outputs, lines, summary; fails the step where a miss or no answer is to. */
export async function reportAnswer(runner: Runner, phase: AnsweredPhase, answer: Answer): Promise<void> {
  const { inputs, backend } = phase;
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
    if (inputs.failOnCacheMiss) {
      runner.fail(
        `Failed to restore cache entry: ${answer.reason}. Exiting as fail-on-cache-miss is set, although this is no answer and no miss. Input key: ${inputs.key}`,
      );
    }
    return close('failed');
  }
  setMatchOutputs(runner, undefined);
  if (answer.kind === 'miss') await diagnose(runner, backend, phase.request);
  sayMiss(runner, inputs);
  await close(answer.kind);
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
export function sayIgnored(runner: Runner, { target }: StepPlan): void {
  if (target.kind !== 'github' || target.ignored.length === 0) return;
  const names = target.ignored.map(name => `'${name}'`).join(', ');
  runner.log.warning(
    `Input 'bucket' is empty, so GitHub's cache is used and ${names} ${target.ignored.length === 1 ? 'means' : 'mean'} nothing: set 'bucket' to use yours.`,
  );
}
