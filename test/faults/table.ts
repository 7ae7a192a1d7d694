import { VERSION } from '../../src/version.ts';
import type { FaultCase, Finding } from './case.ts';

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

/** Returns the page docs/results/faults.md: the version of the build and a row for each case. */
export function markdown(rows: readonly Row[]): string {
  const green = rows.filter(row => problemsOf(row).length === 0).length;
  return [
    '# Results of the fault suite',
    '',
    'Written by `npm run faults -- --markdown docs/results/faults.md`. [faults.md](../faults.md) explains the rows.',
    '',
    `cache-s3 ${VERSION}, one run: ${green} of ${rows.length} rows are green.`,
    '',
    ...table(rows),
  ].join('\n');
}

function table(rows: readonly Row[]): string[] {
  const lines = rows.map(({ one, finding }) => {
    const [first = '-', ...others] = finding.messages.map(line => plain(line).replaceAll('|', '\\|'));
    const rest = others.length > 2 ? [`... and ${others.length} more like it`] : others;
    const messages = [first, ...rest].join('<br>');
    const cells = [one.fault, one.phase, messages, seconds(finding.ms), finding.left, finding.exit];
    return `| ${cells.join(' | ')} |`;
  });
  const head = [
    '| fault | phase | what the user sees | s | what is left | exit |',
    '|---|---|---|---|---|---|',
  ];
  return [...head, ...lines];
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(1);
}

/** Replaces names that differ from run to run. */
function plain(line: string): string {
  return line
    .replace(/fault-[0-9a-f]{12}/g, 'BUCKET')
    .replace(/127\.0\.0\.1:\d+/g, 'HOST')
    .replace(/\/[^\s:;,()']*\/scene-[^/\s]*\/(?:disk\/)?workspace\//g, '')
    .replace(/cache-s3\/v1\/\S*\.tar\.zst/g, 'OBJECT')
    .replaceAll('%25', '%');
}
