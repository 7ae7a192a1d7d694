import {
  describeUnserved,
  type Hit,
  hasChangedTree,
  isSecretlessRun,
  type LookupOutcome,
  type Rejected,
  type Restored,
  type RestoreOutcome,
  rejectedObjects,
} from '../../storage/outcomes.ts';
import { inputNamer } from '../inputs/input-names.ts';
import type { Runner } from '../runner/runner.ts';
import { closePhase, type Phase } from './phase.ts';

/** Reports a run that may not read: a miss without a request. */
export function reportDenied(runner: Runner, phase: Phase, reason: string): Promise<void> {
  runner.log.info(`Cache not restored: ${reason}.`);
  return reportMiss(runner, phase, 'denied');
}

/** Reports an outcome in the outputs, the log and the summary. With `fail-on-cache-miss`, fails the step unless it was a hit. */
export async function reportOutcome(
  runner: Runner,
  phase: Phase,
  outcome: LookupOutcome | RestoreOutcome,
): Promise<void> {
  const { inputs } = phase;
  const rejected = rejectedObjects(outcome);
  for (const object of rejected) reportRejected(runner, object);
  switch (outcome.kind) {
    case 'hit': {
      setHitOutputs(runner, outcome);
      const found = inputs.lookupOnly ? 'Cache found and can be restored' : 'Cache restored';
      runner.log.info(`${found} from key: ${outcome.key}`);
      return closeRestore(runner, phase, outcome.exact ? 'hit' : 'partial', outcome);
    }
    case 'miss':
      if (outcome.diagnosis !== undefined) runner.log.info(outcome.diagnosis);
      return reportMiss(runner, phase, rejected.some(({ kind }) => kind === 'damaged') ? 'damaged' : 'miss');
    case 'unavailable':
    case 'refused': {
      const effect = inputs.failOnCacheMiss ? '' : ' The job continues without the cache.';
      const level = isSecretlessRun(outcome) ? 'notice' : 'warning';
      const clause = describeUnserved(outcome, inputNamer(runner.env));
      return reportFailure(runner, phase, `${clause}.${effect}`, outcome.error, level);
    }
    case 'failed': {
      const { error } = outcome;
      const warning = hasChangedTree(outcome)
        ? `Cache restored only in part: ${error.message}`
        : `Cache not restored: ${error.message}`;
      return reportFailure(runner, phase, warning, error);
    }
    case 'cancelled':
      runner.log.warning('Cache not restored: the step was cancelled.');
      return closeRestore(runner, phase, 'cancelled');
  }
}

/** Reports an object that matched and cannot be restored. */
function reportRejected({ log }: Runner, { kind, key, error }: Rejected): void {
  log.debug(error.stack ?? '');
  if (kind === 'unusable') log.notice(`The object of key '${key}' is not used: ${error.message}.`);
  else log.warning(`The object of key '${key}' is not used, because it is damaged: ${error.message}.`);
}

/** Reports a restore that failed: it is not known whether there is a cache. */
function reportFailure(
  runner: Runner,
  phase: Phase,
  line: string,
  error: Error,
  level: 'warning' | 'notice' = 'warning',
): Promise<void> {
  const { inputs } = phase;
  setFailureOutputs(runner);
  runner.log.debug(error.stack ?? '');
  runner.log[level](line);
  if (inputs.failOnCacheMiss) {
    runner.fail(
      `Failed to restore cache entry: ${error.message}. Exiting as fail-on-cache-miss is set, although this is not a miss. Input key: ${inputs.key}`,
    );
  }
  return closeRestore(runner, phase, 'failed');
}

/** Reports that no cache was restored. As in actions/cache, `cache-hit` is not set then. */
function reportMiss(runner: Runner, phase: Phase, result: 'miss' | 'damaged' | 'denied'): Promise<void> {
  const { key, restoreKeys, failOnCacheMiss } = phase.inputs;
  runner.setOutput('cache-source', 'none');
  if (failOnCacheMiss) {
    runner.fail(`Failed to restore cache entry. Exiting as fail-on-cache-miss is set. Input key: ${key}`);
  } else {
    runner.log.info(`Cache not found for input keys: ${[key, ...restoreKeys].join(', ')}`);
  }
  return closeRestore(runner, phase, result);
}

function closeRestore(runner: Runner, phase: Phase, result: string, hit?: Hit | Restored): Promise<void> {
  const op = phase.inputs.lookupOnly ? 'lookup' : 'restore';
  return closePhase(runner, phase, { op, source: 'none', ...hit, result }, hit?.key);
}

/**
 * Sets the outputs of actions/cache, `cache-size` of tespkg/actions-cache (bytes of the stored object) and
 * `cache-source`. As in actions/cache, `cache-hit` is 'true' on an exact hit and 'false' on a partial one.
 */
function setHitOutputs(runner: Runner, { source, exact, key, sizeBytes }: Hit): void {
  runner.setOutput('cache-source', source);
  runner.setOutput('cache-hit', String(exact));
  runner.setOutput('cache-matched-key', key);
  if (sizeBytes !== undefined) runner.setOutput('cache-size', String(sizeBytes));
}

/**
 * Sets the outputs of a restore that failed. `cache-hit` is 'false', because '' means a miss. actions/cache sets 'false' only if
 * there is no cache service.
 */
export function setFailureOutputs(runner: Runner): void {
  runner.setOutput('cache-hit', 'false');
  runner.setOutput('cache-source', 'none');
}
