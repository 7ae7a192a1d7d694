/** `npm run bench:memory`: measures the peak memory of a save and a restore of 10 GB, of which 4 GB or more do not compress. */

import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { readOptions } from './arguments.ts';
import { benchCases } from './cases.ts';
import { type DataSet, dataSet } from './data/data-set.ts';
import { writeIncompressible } from './data/incompressible.ts';
import { parseOptions } from './options.ts';
import { openPlace, type Place } from './place.ts';
import { ours } from './programs/programs.ts';
import { machineLines } from './report/machine.ts';
import { publish } from './report/publish.ts';
import { table } from './report/table.ts';
import { runToEnd } from './run.ts';
import { runOnce, type Sample, treeName } from './run-once.ts';
import { compareTrees, copyLargeTree, deleteLargeTree, openWorkbench, type Workbench } from './workbench.ts';

const USAGE = `npm run bench:memory -- [OPTIONS]
  --workers 1,2,4   numbers of worker threads
  --quick           small data; the report is only printed`;

/** The promise for every archive. */
const limitBytes = 600e6;

await runToEnd(async stop => {
  const { quick, workers } = readOptions(
    process.argv.slice(2),
    { workers: { type: 'string', default: '1,2,4' }, quick: { type: 'boolean', default: false } },
    USAGE,
  );
  const { workers: numbers } = parseOptions(['--workers', workers]);
  // A gateway in memory would leave too little for the rest
  const bench = await openWorkbench({
    link: 'loopback',
    stop,
    gatewayStore: 'bluestore',
    gatewaySizeGib: 40,
  });
  try {
    const place = await openPlace('disk');
    try {
      const data = await largeTree(bench.cacheDirectory, quick);
      const report = await measureMemory(bench, place, data, numbers);
      console.log(report);
      if (!quick) await publish('memory', report);
    } finally {
      await place.remove();
    }
  } finally {
    await bench.close();
  }
});

/** Generates random files of many sizes, and the trees of cases a and b several times. */
async function largeTree(cacheDirectory: string, quick: boolean): Promise<DataSet> {
  const megabyte = quick ? 10_000 : 1_000_000;
  const parts = await Promise.all(
    benchCases(quick)
      .filter(({ letter }) => letter === 'a' || letter === 'b')
      .map(({ data }) => data!(cacheDirectory)),
  );
  const name = `memory-${megabyte}-${parts.map(({ digest }) => digest).join('-')}`;
  return dataSet(cacheDirectory, name, root => {
    const random = path.join(root, 'random');
    mkdirSync(random);
    const sizes = [2_000, ...Array<number>(8).fill(200), ...Array<number>(150).fill(6)];
    for (const [index, size] of sizes.entries()) {
      writeIncompressible(path.join(random, String(index)), size * megabyte, index);
    }
    for (const part of parts) {
      for (let copy = 0; copy < 3; copy++)
        copyLargeTree(part.directory, path.join(root, `${part.digest}-${copy}`));
    }
  });
}

async function measureMemory(
  bench: Workbench,
  place: Place,
  data: DataSet,
  workers: readonly number[],
): Promise<string> {
  const tree = path.join(place.workspace, treeName);
  const rows: string[][] = [];
  copyLargeTree(data.directory, tree);
  for (const number of workers) {
    const program = ours({ ...bench, workers: number });
    const bucket = program.bucket!;
    await bench.gateway.bucket(bucket).create();
    for (const phase of ['save', 'restore'] as const) {
      if (phase === 'restore') deleteLargeTree(tree);
      const key = `memory-${number}`;
      const expected = [phase === 'save' ? 'saved' : 'hit'];
      const sample = await runOnce(bench, place, program, { phase, key, restoreKeys: [], expected });
      rows.push(row(phase, number, sample));
    }
    compareTrees(data.directory, tree);
    await bench.gateway.empty(bucket);
  }
  const gigabytes = (data.bytes / 1e9).toFixed(2);
  return `${[
    `# Memory: ${data.files} files, ${gigabytes} GB, on disk, over loopback`,
    machineLines(bench.gateway.version).join('\n'),
    `The gateway keeps its objects on disk (bluestore); its memory is not counted. Restored trees were compared file by file. The limit is ${limitBytes / 1e6} MB.`,
    table(['', 'workers', 'peak RSS MB', 'within the limit', 'wall s', 'CPU s', 'stored MB'], rows),
  ].join('\n\n')}\n`;
}

function row(phase: string, workers: number, sample: Sample): string[] {
  return [
    phase,
    String(workers),
    (sample.peakRssBytes / 1e6).toFixed(0),
    sample.peakRssBytes <= limitBytes ? 'yes' : 'NO',
    sample.wallSeconds.toFixed(1),
    sample.cpuSeconds.toFixed(1),
    ((sample.report.bytes ?? 0) / 1e6).toFixed(0),
  ];
}
