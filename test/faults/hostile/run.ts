/**
 * `npm run hostile`: runs the built action against a server that answers each call of the store in a hostile way. Prints the
 * messages, the duration and the memory of each row, and exits non-zero if a promise was broken. A full run takes about a
 * quarter of an hour; `--markdown docs/results/hostile.md` writes its results.
 */

import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { resultsPage, withoutNames } from '../results-page.ts';
import { type HostileFinding, HostileLab, type HostileRow, hostileRows } from './rows.ts';

const { values: options } = parseArgs({
  options: {
    /** Only rows of whose `call: answer` this regular expression matches a part. */
    only: { type: 'string', default: '' },
    /** Writes the table as Markdown to this file. */
    markdown: { type: 'string' },
    /** Rows that run at once. Most of them wait most of the time. */
    parallel: { type: 'string', default: '4' },
  },
});

const only = new RegExp(options.only);
const wanted = hostileRows.filter(({ answer, call }) => only.test(`${call.name}: ${answer.name}`));
const findings = new Map<HostileRow, HostileFinding>();
const lab = await HostileLab.open();
try {
  const next = wanted.values();
  await Promise.all(
    Array.from({ length: Number(options.parallel) }, async () => {
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
if (options.markdown !== undefined) await writeFile(options.markdown, `${markdown()}\n`);
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
