import { machineLine, type PhaseFacts, peopleLine } from '../../report/closing-line.ts';
import { type PhaseKeys, summaryRows } from '../../report/summary.ts';
import type { StorageBackend } from '../../storage/backend.ts';
import type { Runner } from '../runner/runner.ts';
import { writeMetrics } from './metrics.ts';

/** The result of a phase, without its costs. */
export type PhaseResult = Omit<PhaseFacts, 'ms' | 'requests' | 'retries'>;

/** Ends a phase: logs a line for people and one for programs, adds a line to the metrics, and writes the job summary if set. */
export async function closePhase(
  runner: Runner,
  result: PhaseResult,
  rest: {
    /** The start, by `performance.now()`. */
    readonly startedMs: number;
    /** Undefined if it was not opened. */
    readonly backend: StorageBackend | undefined;
    readonly keys: PhaseKeys;
    /** Input `summary`. */
    readonly summary: boolean;
  },
): Promise<void> {
  const facts: PhaseFacts = {
    ...result,
    ms: performance.now() - rest.startedMs,
    requests: rest.backend?.counters.requests ?? 0,
    retries: rest.backend?.counters.retries ?? 0,
  };
  const people = peopleLine(facts);
  if (people !== undefined) runner.log.info(people);
  runner.log.info(machineLine(facts));
  const unwritten = writeMetrics(runner.env, facts, rest.keys.primaryKey);
  if (unwritten !== undefined) runner.log.warning(unwritten);
  if (rest.summary) await runner.addSummary(`Cache ${facts.op}`, summaryRows(facts, rest.keys));
}
