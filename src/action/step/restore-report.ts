import type { StorageBackend } from '../../storage/backend.ts';
import {
  describeUnserved,
  type Hit,
  hasChangedTree,
  isForkWithoutCredentials,
  type LookupOutcome,
  type Restored,
  type RestoreOutcome,
} from '../../storage/outcomes.ts';
import type { ActionInputs } from '../inputs/inputs.ts';
import type { Runner } from '../runner/runner.ts';
import { closePhase } from './phase.ts';
import type { StepPlan } from './plan.ts';

export interface RestorePhase {
  readonly op: 'restore' | 'lookup';
  /** By `performance.now()`. */
  readonly startedMs: number;
  readonly inputs: ActionInputs;
  /** Absent if it was not opened. */
  readonly backend?: StorageBackend;
}

/** Reports a run that may not read: a miss without a request. */
export async function reportDenied(runner: Runner, phase: RestorePhase, reason: string): Promise<void> {
  runner.log.info(`Cache not restored: ${reason}.`);
  setMatchOutputs(runner, undefined);
  reportMiss(runner, phase.inputs);
  await close(runner, phase, 'denied');
}

/** Reports an outcome: outputs, lines, summary. Fails the step if it is a miss or a failure and `fail-on-cache-miss` is set. */
export async function reportOutcome(
  runner: Runner,
  phase: RestorePhase,
  outcome: LookupOutcome | RestoreOutcome,
): Promise<void> {
  const { inputs } = phase;
  switch (outcome.kind) {
    case 'hit': {
      setMatchOutputs(runner, outcome);
      const found = inputs.lookupOnly ? 'Cache found and can be restored' : 'Cache restored';
      runner.log.info(`${found} from key: ${outcome.key}`);
      return close(runner, phase, outcome.exact ? 'hit' : 'partial', outcome);
    }
    case 'miss':
      setMatchOutputs(runner, undefined);
      if (outcome.diagnosis !== undefined) runner.log.info(outcome.diagnosis);
      reportMiss(runner, inputs);
      return close(runner, phase, 'miss');
    case 'unusable':
      setMatchOutputs(runner, undefined);
      runner.log.notice(`The object of key '${outcome.key}' is not used: ${outcome.error.message}.`);
      reportMiss(runner, inputs);
      return close(runner, phase, 'miss');
    case 'damaged':
      setMatchOutputs(runner, undefined);
      runner.log.debug(outcome.error.stack ?? '');
      runner.log.warning(
        `Cache not restored, because its object is damaged: ${outcome.error.message}. No file was changed.`,
      );
      reportMiss(runner, inputs);
      return close(runner, phase, 'damaged');
    case 'unavailable':
    case 'refused':
      return reportFailure(
        runner,
        phase,
        `${describeUnserved(outcome)}.${inputs.failOnCacheMiss ? '' : ' The job continues without the cache.'}`,
        outcome.error,
        isForkWithoutCredentials(outcome) ? 'notice' : 'warning',
      );
    case 'failed': {
      const { error } = outcome;
      const warning = hasChangedTree(outcome)
        ? `Cache restored only in part: ${error.message}`
        : `Cache not restored: ${error.message}`;
      return reportFailure(runner, phase, warning, error);
    }
    case 'cancelled':
      runner.log.warning('Cache not restored: the step was cancelled.');
      return close(runner, phase, 'cancelled');
  }
}

/** Reports a restore that failed: it is not known whether there is a cache. */
function reportFailure(
  runner: Runner,
  phase: RestorePhase,
  line: string,
  error: Error,
  level: 'warning' | 'notice' = 'warning',
): Promise<void> {
  const { inputs } = phase;
  setUnavailableOutputs(runner);
  runner.log.debug(error.stack ?? '');
  runner.log[level](line);
  if (inputs.failOnCacheMiss) {
    runner.fail(
      `Failed to restore cache entry: ${error.message}. Exiting as fail-on-cache-miss is set, although this is not a miss. Input key: ${inputs.key}`,
    );
  }
  return close(runner, phase, 'failed');
}

function reportMiss(runner: Runner, inputs: ActionInputs): void {
  if (inputs.failOnCacheMiss) {
    runner.fail(
      `Failed to restore cache entry. Exiting as fail-on-cache-miss is set. Input key: ${inputs.key}`,
    );
    return;
  }
  runner.log.info(`Cache not found for input keys: ${[inputs.key, ...inputs.restoreKeys].join(', ')}`);
}

function close(
  runner: Runner,
  phase: RestorePhase,
  result: string,
  hit?: Hit & Partial<Restored>,
): Promise<void> {
  return closePhase(
    runner,
    {
      op: phase.op,
      source: hit?.source ?? 'none',
      result,
      bytes: hit?.sizeBytes,
      entries: hit?.entries,
      rawBytes: hit?.rawBytes,
      fetchedBytes: hit?.fetchedBytes,
      diskBytes: hit?.diskBytes,
    },
    {
      startedMs: phase.startedMs,
      backend: phase.backend,
      keys: { primaryKey: phase.inputs.key, matchedKey: hit?.key },
      summary: phase.inputs.summary,
    },
  );
}

/** Warns of inputs that have no effect, in the phase that comes first. */
export function warnIgnored(runner: Runner, { target }: StepPlan): void {
  if (target.kind !== 'github' || target.ignored.length === 0) return;
  const names = target.ignored.map(name => `'${name}'`).join(', ');
  runner.log.warning(
    `Input 'bucket' is empty, so GitHub's cache is used and ${names} ${target.ignored.length === 1 ? 'has' : 'have'} no effect: set 'bucket' to use a bucket.`,
  );
}

/**
 * Sets the outputs of actions/cache, `cache-size` of tespkg/actions-cache (bytes of the stored object) and
 * `cache-source`. As in actions/cache, `cache-hit` is 'true' on an exact hit, 'false' on a partial one, and not set on a
 * miss.
 */
function setMatchOutputs(runner: Runner, match: Hit | undefined): void {
  runner.setOutput('cache-source', match?.source ?? 'none');
  if (match === undefined) return;
  runner.setOutput('cache-hit', String(match.exact));
  runner.setOutput('cache-matched-key', match.key);
  if (match.sizeBytes !== undefined) runner.setOutput('cache-size', String(match.sizeBytes));
}

/** Sets the output of the key before any request, so that it is set after a failure too. */
export function setKeyOutput(runner: Runner, primaryKey: string): void {
  runner.setOutput('cache-primary-key', primaryKey);
}

/** Sets the outputs where no cache responded: as in actions/cache, `cache-hit` is 'false' then, and not '' as on a miss. */
export function setUnavailableOutputs(runner: Runner): void {
  runner.setOutput('cache-hit', 'false');
  runner.setOutput('cache-source', 'none');
}
