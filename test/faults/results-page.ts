import { VERSION } from '../../src/version.ts';

interface Page {
  /** The words after `Results of the`, and the script that writes the page. */
  readonly suite: string;
  readonly script: string;
  /** The part of docs/faults.md that explains the rows. */
  readonly explanation: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly green: number;
}

/** Returns a page of docs/results: the version of the build, the number of green rows, and all rows. */
export function resultsPage({ suite, script, explanation, columns, rows, green }: Page): string {
  return [
    `# Results of the ${suite}`,
    '',
    `Written by \`npm run ${script} -- --markdown docs/results/${script}.md\`. [faults.md](../${explanation}) explains the rows.`,
    '',
    `cache-s3 ${VERSION}, one run: ${green} of ${rows.length} rows are green.`,
    '',
    `| ${columns.join(' | ')} |`,
    `|${'---|'.repeat(columns.length)}`,
    ...rows.map(row => `| ${row.join(' | ')} |`),
  ].join('\n');
}

/** Replaces the address and the names of objects, which differ from run to run. */
export function withoutNames(line: string): string {
  return line
    .replace(/127\.0\.0\.1:\d+/g, 'HOST')
    .replace(/cache-s3\/v1\/\S*\.tar\.zst/g, 'OBJECT')
    .replaceAll('%25', '%');
}
