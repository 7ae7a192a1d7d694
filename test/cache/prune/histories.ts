/**
 * `npm run prune-histories`: runs random histories of prunes in a simulated bucket, and ends with the line `N histories, N
 * failures` and exit code 1 if there are any. `--count 1 --seed N` repeats a failing one.
 */

import { readCommandLine } from '../../support/command-line.ts';
import { type HistoryFacts, runPruneHistory } from './history.ts';

const USAGE = `npm run prune-histories -- [OPTIONS]
  --count N   number of histories (2000)
  --seed N    seed of the first one (1000)
  --days N    days of each (30)`;

const { count, seed: first, days } = readCommandLine(USAGE, { count: 2000, seed: 1000, days: 30 });

const total: Partial<Record<keyof HistoryFacts, number>> = {};
let failures = 0;
for (let seed = first; seed < first + count; seed++) {
  try {
    const facts = Object.entries(await runPruneHistory(seed, days)) as [keyof HistoryFacts, number][];
    for (const [fact, number] of facts) total[fact] = (total[fact] ?? 0) + number;
  } catch (error) {
    failures++;
    console.log((error as Error).message);
  }
}
console.log(JSON.stringify(total));
console.log(`${count} histories, ${failures} failures`);
process.exitCode = failures > 0 ? 1 : 0;
