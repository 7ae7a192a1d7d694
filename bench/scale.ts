import type { Case } from './cases.ts';
import type { DataSet } from './data/data-set.ts';
import type { BenchOptions, Phase } from './options.ts';
import type { Place } from './place.ts';
import { ours } from './programs/programs.ts';
import { median } from './report/statistics.ts';
import { table } from './report/table.ts';
import type { Sample } from './run-once.ts';
import { takeTurns } from './take-turns.ts';
import type { Workbench } from './workbench.ts';

/** Measurements of ours with several numbers of worker threads. */
interface Scale {
  readonly data: DataSet;
  readonly runs: ReadonlyMap<Phase, ReadonlyMap<number, readonly Sample[]>>;
}

/** Saves and restores a case with each number of workers in turn, once for each pair. */
export async function measureScale(
  bench: Workbench,
  place: Place,
  subject: Case & { readonly data: NonNullable<Case['data']> },
  options: BenchOptions,
): Promise<Scale> {
  const data = await subject.data(bench.cacheDirectory);
  const programs = options.workers.map(workers => ours({ ...bench, workers, level: options.level }));
  const turns = await takeTurns(bench, place, data, programs, options.pairs);
  const runs = new Map<Phase, Map<number, readonly Sample[]>>();
  for (const [phase, byProgram] of turns) {
    const byWorkers = programs.map(
      (program, index) => [options.workers[index]!, byProgram.get(program)!] as const,
    );
    runs.set(phase, new Map(byWorkers));
  }
  return { data, runs };
}

/** Returns the tables, with the throughput at which the main thread would be the limit. */
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
