/**
 * `npm run hostile`: runs the built action against a server that answers each call of the store in a hostile way. Prints the
 * messages, the duration and the memory of each row, and ends with 1 if a promise was broken. A full run takes about a quarter
 * of an hour.
 */

import { writeFile } from 'node:fs/promises';
import { readCommandLine } from '../../support/command-line.ts';
import { resultsPage, withoutNames } from '../results-page.ts';
import { type HostileFinding, HostileLab, type HostileRow, hostileRows } from './rows.ts';

const USAGE = `npm run hostile -- [OPTIONS]
  --only PATTERN    only the rows whose 'call: answer' matches this regular expression
  --parallel N      number of rows that run at once; most of them wait most of the time (4)
  --markdown FILE   write the results, as in docs/results/hostile.md`;

const options = readCommandLine(USAGE, { only: /(?:)/, parallel: 4, markdown: '' });

const wanted = hostileRows.filter(({ answer, call }) => options.only.test(`${call.name}: ${answer.name}`));
const findings = new Map<HostileRow, HostileFinding>();
const lab = await HostileLab.open();
try {
  const next = wanted.values();
  await Promise.all(
    Array.from({ length: options.parallel }, async () => {
      for (const row of next) {
        const finding = await lab.run(row);
        findings.set(row, finding);
        console.log(lineOf(row, finding));
      }
    }),
  );
} finally {
  await lab.close();
}
const rows = wanted.map(row => ({ row, finding: findings.get(row)! }));
const red = rows.filter(({ finding }) => finding.violations.length > 0).length;
if (options.markdown !== '') await writeFile(options.markdown, `${markdown()}\n`);
console.log(`${rows.length - red} green, ${red} red`);
process.exitCode = red > 0 || rows.length === 0 ? 1 : 0;

function lineOf({ answer, call }: HostileRow, finding: HostileFinding): string {
  const { violations, seconds, peakMb, signalSeconds } = finding;
  const verdict = violations.length === 0 ? 'ok ' : 'RED';
  const signal = signalSeconds === undefined ? '' : `, SIGINT ${signalSeconds.toFixed(1)} s`;
  const head = `${verdict} ${seconds.toFixed(1).padStart(5)} s ${String(Math.round(peakMb)).padStart(4)} MB  ${call.name}: ${answer.name}${signal}`;
  return [head, ...violations.map(violation => `      ! ${violation}`)].join('\n');
}

function markdown(): string {
  return resultsPage({
    suite: 'hostile suite',
    script: 'hostile',
    explanation: 'faults.md#a-hostile-server',
    columns: ['call', 'answer', 'what the user sees', 's', 'peak MB', 's after SIGINT', 'exit'],
    rows: rows.map(({ row: { answer, call }, finding }) => [
      call.name,
      answer.name,
      finding.lines.map(line => withoutNames(line).replaceAll('|', '\\|')).join('<br>') || '-',
      finding.seconds.toFixed(1),
      String(Math.round(finding.peakMb)),
      finding.signalSeconds?.toFixed(1) ?? '',
      finding.exit,
    ]),
    green: rows.length - red,
  });
}
