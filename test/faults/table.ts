import type { FaultCase, Finding } from './case.ts';
import { resultsPage, withoutNames } from './results-page.ts';

export interface Row {
  readonly one: FaultCase;
  readonly finding: Finding;
}

export function problemsOf({ one, finding }: Row): string[] {
  const { violations, late, ms } = finding;
  const overLimit =
    one.limitMs !== undefined && ms > one.limitMs
      ? [`it took ${seconds(ms)} s, promised are ${seconds(one.limitMs)}`]
      : [];
  return [...violations, ...late, ...overLimit];
}

/** Returns two lines for a terminal. */
export function lineOf(row: Row): string {
  const { one, finding } = row;
  const verdict = problemsOf(row).length === 0 ? 'ok ' : 'RED';
  const head = `${verdict} ${one.phase.padEnd(10)} ${seconds(finding.ms).padStart(6)} s  ${one.fault}`;
  const [first = 'no message'] = [
    ...finding.messages.filter(line => !line.startsWith('notice')),
    ...finding.messages,
  ];
  return `${head}\n      ${finding.left}; exit ${finding.exit}; ${plain(first)}`;
}

/** Returns the page docs/results/faults.md. */
export function markdown(rows: readonly Row[]): string {
  return resultsPage({
    suite: 'fault suite',
    script: 'faults',
    explanation: 'faults.md',
    columns: ['fault', 'phase', 'what the user sees', 's', 'what is left', 'exit'],
    rows: rows.map(({ one, finding }) => {
      const [first = '-', ...others] = finding.messages.map(line => plain(line).replaceAll('|', '\\|'));
      const rest = others.length > 2 ? [`... and ${others.length} more like it`] : others;
      const messages = [first, ...rest].join('<br>');
      return [one.fault, one.phase, messages, seconds(finding.ms), finding.left, finding.exit];
    }),
    green: rows.filter(row => problemsOf(row).length === 0).length,
  });
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(1);
}

/** Replaces names that differ from run to run. */
function plain(line: string): string {
  return withoutNames(line)
    .replace(/fault-[0-9a-f]{12}/g, 'BUCKET')
    .replace(/\/[^\s:;,()']*\/scene-[^/\s]*\/(?:disk\/)?workspace\//g, '');
}
