/**
 * histories.ts [--count N] [--seed S] [--days N] - runs random histories of prunes in a simulated bucket, with seeds S,
 * S+1, ..., and ends with the line `N histories, N failures` and exit code 1 if there are any. `--count 1 --seed` with its
 * seed repeats a failing one.
 */

import { parseArgs } from 'node:util';
import { type HistoryFacts, runPruneHistory } from './history.ts';

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '2000' },
    seed: { type: 'string', default: '1000' },
    days: { type: 'string', default: '30' },
  },
});
const [count, first, days] = [values.count, values.seed, values.days].map(Number) as [number, number, number];
if (![count, first, days].every(Number.isSafeInteger)) {
  throw new Error('--count, --seed and --days are whole numbers');
}

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
