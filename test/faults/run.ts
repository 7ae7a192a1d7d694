/**
 * `npm run faults`: causes faults between the built action and a real RADOS Gateway. Prints the messages, the duration and the
 * remaining files and objects of each, and exits non-zero if a promise was broken. A full run takes about a quarter of an
 * hour; `--markdown docs/results/faults.md` writes its results.
 */

import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { startGateway } from '../support/gateway/gateway.ts';
import { type FaultCase, type Finding, runCase } from './case.ts';
import { FaultLab } from './lab.ts';
import { faultCases } from './suite.ts';
import { lineOf, markdown, problemsOf, type Row } from './table.ts';

const { values: options } = parseArgs({
  options: {
    /** Runs only cases whose `phase: fault` matches this regular expression. */
    only: { type: 'string', default: '' },
    short: { type: 'boolean', default: false },
    /** Writes the results as a Markdown page to this file. */
    markdown: { type: 'string' },
  },
});

const only = new RegExp(options.only);

function isWanted(one: FaultCase): boolean {
  return (!options.short || one.short) && only.test(`${one.phase}: ${one.fault}`);
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
if (options.markdown !== undefined) await writeFile(options.markdown, `${markdown(rows)}\n`);
const red = rows.filter(row => problemsOf(row).length > 0).length;
console.log(`${rows.length - red} green, ${red} red`);
process.exitCode = red > 0 || rows.length === 0 ? 1 : 0;
