import { machineLine, type PhaseFacts, peopleLine } from '../../report/closing-line.ts';
import { summaryRows } from '../../report/summary.ts';
import type { StorageBackend } from '../../storage/backend.ts';
import type { ActionInputs } from '../inputs/inputs.ts';
import type { Runner } from '../runner/runner.ts';
import { writeMetrics } from './metrics.ts';

/** A restore, lookup or save. */
export interface Phase {
  /** The start, by `performance.now()`. */
  readonly startedMs: number;
  readonly inputs: ActionInputs;
  /** The backend. Absent if it was not opened. */
  readonly backend?: StorageBackend;
}

/** The result of a phase, without its time and requests. */
export type PhaseResult = Omit<PhaseFacts, 'ms' | 'requests' | 'retries'>;

/**
 * Ends a phase: logs a line for people and one for programs, adds a line to the metrics, and writes the job summary if the input
 * `summary` is set. `matchedKey` is the key of the restored or found cache.
 */
export async function closePhase(
  runner: Runner,
  { startedMs, inputs, backend }: Phase,
  result: PhaseResult,
  matchedKey?: string,
): Promise<void> {
  const facts: PhaseFacts = {
    ...result,
    ms: performance.now() - startedMs,
    requests: backend?.counters.requests ?? 0,
    retries: backend?.counters.retries ?? 0,
  };
  const people = peopleLine(facts);
  if (people !== undefined) runner.log.info(people);
  runner.log.info(machineLine(facts));
  const unwritten = writeMetrics(runner.env, facts, inputs.key);
  if (unwritten !== undefined) runner.log.warning(unwritten);
  if (!inputs.summary) return;
  await runner.addSummary(`Cache ${facts.op}`, summaryRows(facts, { primaryKey: inputs.key, matchedKey }));
}
