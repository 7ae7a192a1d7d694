import { sentenceOf } from '../failure.ts';

/**
 * The result of one check. If it is `limited`, jobs work, and something is slower or less exact. If it is `skipped`, an earlier
 * failure has prevented the check.
 */
export type Result = 'ok' | 'limited' | 'failed' | 'skipped';

/** One row of the report. */
export interface Finding {
  readonly check: string;
  readonly result: Result;
  /** The facts, or the error. Foreign text: escape it. */
  readonly found: string;
  /** The effect on jobs. Absent if the check is ok. */
  readonly meaning?: string;
  /** The setting or the line of a policy that repairs it. */
  readonly fix?: string;
}

/** Receives the findings in the order of the checks. Throws after an interrupt, which ends checks without a result. */
export type FindingReporter = (finding: Finding) => void;

/**
 * Makes a check, and reports it: `ok` with the facts that `work` returns, the finding that it returns, or its failure with `advice`.
 * Returns whether it is ok.
 */
export async function makeCheck(
  report: FindingReporter,
  check: string,
  work: () => Promise<string | Omit<Finding, 'check'>>,
  advice: Omit<Finding, 'check' | 'found'>,
): Promise<boolean> {
  const result = await work().catch(error => ({ ...advice, found: sentenceOf(error) }));
  const isOk = typeof result === 'string';
  report({ check, ...(isOk ? { result: 'ok', found: result } : result) });
  return isOk;
}
