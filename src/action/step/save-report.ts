import {
  type Failed,
  isRefusedByPolicy,
  isSecretlessRun,
  isUnserved,
  type SaveOutcome,
  sourceNoun,
  type Unserved,
} from '../../storage/outcomes.ts';
import { type NameInput, NameTooLongError, StoreRefusedError } from '../../storage/store-errors.ts';
import { inputNamer } from '../inputs/input-names.ts';
import { isOn } from '../inputs/read-input.ts';
import type { Runner } from '../runner/runner.ts';
import { closePhase, type Phase, type PhaseResult } from './phase.ts';

interface SavePhase extends Phase {
  /** Whether GitHub's cache already has the key, so that the step saves only to the bucket. */
  readonly isBucketOnly: boolean;
}

/** Reports an outcome in the log and the summary. Fails the step if the save failed and `fail-on-save-error` is set. */
export async function reportSave(runner: Runner, phase: SavePhase, outcome: SaveOutcome): Promise<void> {
  logOutcome(runner, phase, outcome);
  await closePhase(runner, phase, { op: 'save', ...resultOf(outcome) });
}

function logOutcome(runner: Runner, { inputs, isBucketOnly }: SavePhase, outcome: SaveOutcome): void {
  const { log } = runner;
  switch (outcome.kind) {
    case 'saved':
      log.info(`Cache saved with key: ${inputs.key}`);
      break;
    case 'exists':
      log.info(`Cache not saved: the key ${inputs.key} is already saved.`);
      break;
    case 'empty':
      log.notice(
        `Cache not saved: nothing to save exists at the paths '${inputs.paths.join("', '")}'. Check the spelling of \`path\`.`,
      );
      break;
    case 'cancelled':
      log.warning(
        outcome.mayBeVisible
          ? 'The step was cancelled during the last request of the save, so it is not known whether the cache was saved. A later save stores the key if it is missing.'
          : 'Cache not saved: the step was cancelled.',
      );
      break;
    default: {
      const reason = failureReason(outcome, inputNamer(runner.env));
      log.debug(outcome.error.stack ?? '');
      if (isByDesign(outcome)) {
        log.info(`Cache not saved: ${outcome.error.message}.`);
      } else if (isBucketOnly && isUnserved(outcome)) {
        const noun = sourceNoun(outcome.source);
        log.info(`Cache not saved to the ${noun}: ${reason}. GitHub's cache already has the key.`);
      } else {
        // actions/cache begins its message about a failure with these words. A save that was not tried is `Cache not saved`
        warnOrFail(runner, `Failed to save: ${reason}`);
      }
    }
  }
}

/** Returns whether a save did not happen because this run is not meant to save. */
function isByDesign(outcome: SaveOutcome): boolean {
  return isRefusedByPolicy(outcome) || isSecretlessRun(outcome);
}

function failureReason(outcome: Unserved | Failed, nameInput: NameInput): string {
  const { error } = outcome;
  if (error instanceof StoreRefusedError) return error.advise(nameInput);
  if (isUnserved(outcome) && error instanceof NameTooLongError) {
    return `the ${sourceNoun(outcome.source)} cannot store this key: ${error.message}`;
  }
  return error.message;
}

function resultOf(outcome: SaveOutcome): Omit<PhaseResult, 'op'> {
  switch (outcome.kind) {
    case 'saved':
    case 'exists':
      return { ...outcome, result: outcome.kind };
    case 'empty':
    case 'cancelled':
      return { source: 'none', result: outcome.kind };
    default:
      return { source: 'none', result: isByDesign(outcome) ? 'skipped' : 'failed' };
  }
}

/** Warns, or fails the step if `fail-on-save-error` is set. */
export function warnOrFail(runner: Runner, message: string): void {
  // The input is read again, because a bad input may be the problem
  if (isOn(runner.env, 'fail-on-save-error')) runner.fail(message);
  else runner.log.warning(message);
}
