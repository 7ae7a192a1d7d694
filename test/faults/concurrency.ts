/**
 * `npm run faults:concurrency`: sixteen processes restore one archive to one directory while others read it. Prints a line for
 * each round: the earlier tree and the fault of one process. Ends with 1 if a reader saw a torn or missing file, an undisturbed
 * restore failed, or the tree at the end is not the archive's.
 */

import { availableParallelism } from 'node:os';
import { concurrentRound, type Round } from '../archive/publish/concurrent-restores.ts';
import { readCommandLine } from '../support/command-line.ts';

const USAGE = `npm run faults:concurrency -- [OPTIONS]
  --processes N   number of restores at once (16)
  --rounds N      number of rounds (20)
  --readers N     number of processes that read the directory (2)`;

const { processes, rounds, readers } = readCommandLine(USAGE, { processes: 16, rounds: 20, readers: 2 });

const befores: readonly Round['before'][] = ['nothing', 'other content', 'other types', 'damage'];
const disturbances: readonly Round['disturbance'][] = ['none', 'fails', 'killed'];
const combinations = befores.flatMap(before => disturbances.map(disturbance => ({ before, disturbance })));

// As a restore has them by default
const workers = Math.min(availableParallelism(), 8);
let violations = 0;
for (let index = 0; index < rounds; index++) {
  const { before, disturbance } = combinations[index % combinations.length]!;
  const report = await concurrentRound({ processes, readers, workers, before, disturbance });
  violations += report.violations.length;
  const memory = `${Math.round(report.rssBytes / 2 ** 20)} MiB in all`;
  console.log(
    `round ${index + 1}: ${processes} restores over ${before}, one disturbed: ${disturbance}; ` +
      `${report.reads} reads, ${memory}, ${report.violations.length} violations`,
  );
  for (const violation of report.violations.slice(0, 10)) console.log(`      ! ${violation}`);
}
console.log(`${rounds} rounds, ${violations} violations`);
process.exitCode = violations > 0 ? 1 : 0;
