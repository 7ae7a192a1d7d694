/** `npm run bench:plot`: draws the plots and computes the ceilings from the reports in bench/results/. It measures nothing. */

import { readFileSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import path from 'node:path';
import { publish } from '../report/publish.ts';
import { table } from '../report/table.ts';
import { type BarGroup, drawBars } from './bar-chart.ts';
import { ceilingOf, type PeerCost, PHASES, type PhaseCost, peerSeconds } from './ceilings.ts';
import { numberIn, type Row, rowsBelow, treeBytes } from './results.ts';

const RESULTS = path.join(import.meta.dirname, '../results');
const CASES = [
  { letter: 'a', name: '111,060 small files' },
  { letter: 'b', name: '2,092 programs, libraries' },
  { letter: 'c', name: 'one file, incompressible' },
] as const;
const CORES = [4, 16, 64];
const GIGABITS = [1, 10, 25, 100];
/** As in src/action/backend/open-backend.ts. */
const MAX_WORKERS = 8;

const read = (name: string) => readFileSync(path.join(RESULTS, `${name}.md`), 'utf8');

await fs.writeFile(
  path.join(RESULTS, 'speed.svg'),
  drawBars({
    title: 'Files saved and restored a second over 1 Gbit/s, two cores shared with the gateway',
    unit: 'MB/s',
    series: ['cache-s3', "the peers' method"],
    groups: CASES.flatMap(({ letter, name }) => speedsOf(read(`${letter}-tmpfs-shaped`), name)),
  }),
);

function speedsOf(report: string, name: string): BarGroup[] {
  const megabytes = treeBytes(report) / 1e6;
  return PHASES.map(phase => {
    const rows = rowsBelow(report, phase);
    const speed = (program: string) => megabytes / numberIn(rowOf(rows, program)['wall s']);
    return { label: `${phase}: ${name}`, values: [speed('cache-s3'), speed('reference')] };
  });
}

function rowOf(rows: readonly Row[], name: string): Row {
  const row = rows.find(found => found[''] === name || found.workers === name);
  if (!row) throw new Error(`no row '${name}'`);
  return row;
}

const rows: string[][] = [];
const groups: BarGroup[] = [];
for (const { letter, name } of CASES.filter(({ letter }) => letter !== 'b')) {
  for (const phase of PHASES) {
    const { cost, peer } = costsOf(letter, phase);
    for (const gigabits of GIGABITS) {
      const bitsPerSecond = gigabits * 1e9;
      const ours = CORES.map(cores => ceilingOf(cost, { cores, bitsPerSecond, maxWorkers: MAX_WORKERS }));
      const theirs = peerSeconds(peer, bitsPerSecond);
      rows.push([
        `${phase}: ${name}`,
        `${gigabits} Gbit/s`,
        ...ours.map(({ seconds, limit }) => `${seconds.toFixed(2)} (${limit})`),
        theirs.toFixed(2),
      ]);
      if (gigabits === 10 || gigabits === 100) {
        const gigabytes = cost.rawBytes / 1e9;
        groups.push({
          label: `${phase}: ${name}, ${gigabits} Gbit/s`,
          values: [...ours.map(({ seconds }) => gigabytes / seconds), gigabytes / theirs],
        });
      }
    }
  }
}
const sources = CASES.filter(({ letter }) => letter !== 'b').map(({ letter }) => [
  `scale-${letter}-tmpfs-loopback.md`,
  `${letter}-tmpfs-loopback.md`,
]);
await publish(
  'ceilings',
  `${[
    '# The least time of a save and a restore on larger hosts, calculated',
    `By \`npm run bench:plot\` from ${sources.flat().join(', ')}: CPU seconds of the main thread and of all other threads with two workers, and the size of the object. Threads and link work at the same time, so the slowest part is the limit; at most ${MAX_WORKERS} workers take part. The peers' method transfers first and runs one \`tar\` then (or the reverse), on as few cores as before.`,
    table(['', 'link', ...CORES.map(cores => `${cores} cores, s`), "the peers' method, s"], rows),
    '![The same as speeds](ceilings.svg)',
  ].join('\n\n')}\n`,
);
await fs.writeFile(
  path.join(RESULTS, 'ceilings.svg'),
  drawBars({
    title: 'Limits of the speed, calculated: GB of files a second',
    unit: 'GB/s',
    series: [...CORES.map(cores => `${cores} cores`), "the peers' method"],
    groups,
  }),
);

function costsOf(letter: string, phase: (typeof PHASES)[number]): { cost: PhaseCost; peer: PeerCost } {
  const scale = read(`scale-${letter}-tmpfs-loopback`);
  const compared = read(`${letter}-tmpfs-loopback`);
  const own = rowOf(rowsBelow(scale, phase), '2');
  const objects = rowsBelow(compared, phase);
  const bytesOf = (program: string) => numberIn(rowOf(objects, program)['stored MB']) * 1e6;
  const mainSeconds = numberIn(own['main thread CPU s']);
  const transfer = numberIn(/^\| raw (?:PUT|GET) +\| +([\d.]+)/m.exec(sectionOf(compared, phase))?.[1]);
  return {
    cost: {
      mainSeconds,
      workerSeconds: numberIn(own['CPU s']) - mainSeconds,
      rawBytes: treeBytes(scale),
      objectBytes: bytesOf('cache-s3'),
    },
    peer: {
      tarSeconds: Math.max(0, numberIn(rowOf(objects, 'reference')['wall s']) - transfer),
      objectBytes: bytesOf('reference'),
    },
  };
}

function sectionOf(report: string, heading: string): string {
  return report.slice(report.indexOf(`\n## ${heading}\n`));
}
