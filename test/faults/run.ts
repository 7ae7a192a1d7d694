/**
 * `npm run faults`: causes faults between the built action and a real RADOS Gateway. Prints the messages, the duration and the
 * remaining files and objects of each, and ends with 1 if a promise was broken. A full run takes about a quarter of an hour.
 */

import { writeFile } from 'node:fs/promises';
import { readCommandLine } from '../support/command-line.ts';
import { startGateway } from '../support/gateway/gateway.ts';
import { type FaultCase, type Finding, runCase } from './case.ts';
import { FaultLab } from './lab.ts';
import { faultCases } from './suite.ts';
import { lineOf, markdown, problemsOf, type Row } from './table.ts';

const USAGE = `npm run faults -- [OPTIONS]
  --only PATTERN    only the cases whose 'phase: fault' matches this regular expression
  --short           only the cases that npm test runs too
  --markdown FILE   write the results, as in docs/results/faults.md`;

const options = readCommandLine(USAGE, { only: /(?:)/, short: false, markdown: '' });

function isWanted(one: FaultCase): boolean {
  return (!options.short || one.short) && options.only.test(`${one.phase}: ${one.fault}`);
}

/** Makes a case red that could not be run. */
function notRun(error: Error): Finding {
  const violations = [`the case could not be run: ${error.stack}`];
  return { messages: [], ms: 0, exit: '-', left: '-', violations, late: [] };
}

const gateway = await startGateway();
const rows: Row[] = [];
let lab: FaultLab | undefined;
try {
  lab = await FaultLab.open(gateway);
  for (const one of faultCases.filter(isWanted)) {
    const row = { one, finding: await runCase(lab, one).catch(notRun) };
    rows.push(row);
    console.log(lineOf(row));
    for (const problem of problemsOf(row)) console.log(`      ! ${problem.replaceAll('\n', '\n      | ')}`);
  }
} finally {
  await lab?.close();
  await gateway.stop();
}
if (options.markdown !== '') await writeFile(options.markdown, `${markdown(rows)}\n`);
const red = rows.filter(row => problemsOf(row).length > 0).length;
console.log(`${rows.length - red} green, ${red} red`);
process.exitCode = red > 0 || rows.length === 0 ? 1 : 0;
