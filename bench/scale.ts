import path from 'node:path';
import { BenchError } from './bench-error.ts';
import type { Case } from './cases.ts';
import type { DataSet } from './data/data-set.ts';
import type { BenchOptions, Phase } from './options.ts';
import type { Place } from './place.ts';
import { ours } from './programs/programs.ts';
import { median } from './report/statistics.ts';
import { table } from './report/table.ts';
import { runOnce, type Sample, treeName } from './run-once.ts';
import { compareTrees, copyTree, removeTree, type Workbench } from './workbench.ts';

/** Ours with other numbers of worker threads. */
export interface Scale {
  readonly data: DataSet;
  readonly runs: ReadonlyMap<Phase, ReadonlyMap<number, readonly Sample[]>>;
}

/** Saves and restores a case with each number of workers in turn, as often as there are to be pairs. */
export async function measureScale(
  bench: Workbench,
  place: Place,
  subject: Case & { readonly data: NonNullable<Case['data']> },
  options: BenchOptions,
): Promise<Scale> {
  const data = await subject.data(bench.cacheDirectory);
  const tree = path.join(place.workspace, treeName);
  const programs = options.workers.map(workers => ours({ ...bench, workers, level: options.level }));
  const bucket = programs[0]!.bucket!;
  const runs = new Map<Phase, Map<number, Sample[]>>(
    subject.phases.map(phase => [phase, new Map(options.workers.map(workers => [workers, []]))]),
  );
  await bench.gateway.createBucket(bucket);
  copyTree(data.directory, tree);
  try {
    for (let round = -1; round < options.pairs; round++) {
      for (const [index, program] of programs.entries()) {
        const key = `${subject.letter}-${round}-${index}`;
        for (const phase of ['save', 'restore'] as const) {
          if (phase === 'restore') removeTree(tree);
          const sample = await runOnce(bench, place, program, { phase, key, restoreKeys: [] });
          const expected = phase === 'save' ? 'saved' : 'hit';
          if (sample.told.result !== expected) throw new BenchError(`not '${expected}':\n${sample.output}`);
          if (round >= 0) runs.get(phase)?.get(options.workers[index]!)?.push(sample);
        }
        // the first restore of each is looked at, and so is the tree that the next save begins with
        if (round < 0) compareTrees(data.directory, tree);
        await bench.gateway.empty(bucket);
      }
    }
  } finally {
    removeTree(tree);
  }
  return { data, runs };
}

/** The tables, and what one main thread could at best serve with workers without end. */
export function scaleReport(
  { data, runs }: Scale,
  subject: Case,
  place: Place,
  machine: readonly string[],
): string {
  const blocks = [
    `# (${subject.letter}) ${subject.title}: with more workers, on ${place.name}`,
    machine.join('\n'),
    `Tree: ${data.files} files, ${(data.bytes / 1e6).toFixed(1)} MB, digest ${data.digest}.`,
  ];
  const gigabytes = data.bytes / 1e9;
  const head = [
    'workers',
    'wall s',
    'CPU s',
    'gateway CPU s',
    'main thread CPU s',
    'a GB',
    'a 100,000 files',
    'ceiling',
  ];
  for (const [phase, byWorkers] of runs) {
    const rows = [...byWorkers].map(([workers, samples]) => {
      const main = median(samples.map(sample => sample.mainThreadCpuSeconds ?? Number.NaN));
      return [
        String(workers),
        median(samples.map(sample => sample.wallSeconds)).toFixed(2),
        median(samples.map(sample => sample.cpuSeconds)).toFixed(2),
        median(samples.map(sample => sample.gatewayCpuSeconds)).toFixed(2),
        main.toFixed(2),
        (main / gigabytes).toFixed(2),
        data.files < 1000 ? '-' : ((main / data.files) * 100_000).toFixed(2),
        `${(gigabytes / main).toFixed(2)} GB/s`,
      ];
    });
    blocks.push(`## ${phase}`, table(head, rows));
  }
  blocks.push(
    'A GB is of files, not of the stored object. The ceiling is the speed at which the main thread alone would be busy all the time: more workers cannot pass it. Start-up is in the figures.',
  );
  return `${blocks.join('\n\n')}\n`;
}
