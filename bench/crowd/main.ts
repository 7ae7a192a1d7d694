/** `npm run bench:fleet`: many jobs at the same moment, over one link and with one gateway. */

import path from 'node:path';
import { integer, list, one, readOptions } from '../arguments.ts';
import { readCorpus } from '../data/corpus.ts';
import { dataSet } from '../data/data-set.ts';
import { writeSmallFiles } from '../data/small-files.ts';
import { nodeModules } from '../data/sources.ts';
import { type LinkName, linkNames, type PlaceName, placeNames } from '../options.ts';
import { openPlace } from '../place.ts';
import { ours, reference } from '../programs/programs.ts';
import { machineLines } from '../report/machine.ts';
import { publish } from '../report/publish.ts';
import { formatSpread, median, ratio } from '../report/statistics.ts';
import { table } from '../report/table.ts';
import { runToEnd } from '../run.ts';
import { treeName } from '../run-once.ts';
import { warmMemory } from '../warm-memory.ts';
import { copyLargeTree, deleteLargeTree, openWorkbench } from '../workbench.ts';
import { type Crowd, runCrowd } from './jobs.ts';

const programNames = ['auto', 'level-3', 'reference'] as const;
const phases = ['save', 'restore'] as const;

const usage = `npm run bench:fleet -- [OPTIONS]
  --jobs 4,16                numbers of jobs at once, up to 256 (4,16)
  --files N                  small files of the tree, each of about 10 KB (20000)
  --programs ${programNames.join(',')}
                             ours with compression-level auto or 3, and the reference (all)
  --only save,restore        which phases (all)
  --rounds N                 measured rounds after a warm-up (3)
  --link ${linkNames.join('|')}   the link that all jobs share (shaped)
  --limit N                  the gateway answers 503 while N requests are in work (no limit)
  --where tmpfs|disk         the place of the trees (tmpfs)
  --quick                    small data, one round; the report is only printed`;

const commandLine = {
  jobs: { type: 'string', default: '4,16' },
  files: { type: 'string' },
  programs: { type: 'string' },
  only: { type: 'string' },
  rounds: { type: 'string' },
  limit: { type: 'string' },
  link: { type: 'string', default: 'shaped' },
  where: { type: 'string', default: 'tmpfs' },
  quick: { type: 'boolean', default: false },
} as const;

const head = [
  'phase',
  'jobs',
  'program',
  'median s',
  'p95 s',
  'worst s',
  'worst, of last',
  'failed',
  'object MB',
  'requests',
  'retries',
  'gateway CPU s',
  'PSS MB',
];

await runToEnd(async stop => {
  const options = parse(process.argv.slice(2));
  if (!options.quick) warmMemory();
  const bench = await openWorkbench({ link: options.link, stop });
  const place = await openPlace(options.place);
  try {
    const plan = { files: options.files, bytes: options.files * 10_000, seed: 20_240_229 };
    const data = await dataSet(bench.cacheDirectory, `fleet-${plan.files}`, root =>
      writeSmallFiles(root, readCorpus(nodeModules), plan),
    );
    const programs = {
      auto: { ...ours({ ...bench, level: 'auto' }), name: 'auto' },
      'level-3': { ...ours({ ...bench, level: 3 }), name: 'level 3' },
      reference: reference(bench.referenceBundle, bench.store),
    };
    const tree = path.join(place.workspace, treeName);
    copyLargeTree(data.directory, tree);
    for (const name of options.programs) await bench.gateway.bucket(programs[name].bucket!).create();
    const rows: string[][] = [];
    for (const phase of options.phases) {
      if (phase === 'restore')
        for (const name of options.programs)
          await runCrowd(bench, place, programs[name], { phase: 'save', count: 1, key: `${name}-once` });
      for (const count of options.jobs) {
        const crowds = new Map(options.programs.map(name => [name, [] as Crowd[]]));
        for (let round = -1; round < options.rounds; round++) {
          for (const name of round % 2 === 0 ? options.programs : options.programs.toReversed()) {
            const program = programs[name];
            console.error(`bench: ${phase}, ${count} jobs, ${program.name}, round ${round + 1}`);
            const key = phase === 'save' ? `${name}-${round}` : `${name}-once-0`;
            const { limit } = options;
            if (limit) await bench.gateway.limitRequests(limit);
            const crowd = await runCrowd(bench, place, program, { phase, count, key, mayFail: !!limit });
            if (limit) await bench.gateway.limitRequests();
            if (round >= 0) crowds.get(name)!.push(crowd);
            if (phase === 'save') await bench.gateway.empty(program.bucket!);
          }
        }
        const last = crowds.get(options.programs.at(-1)!)!;
        for (const [name, found] of crowds) rows.push(rowOf(phase, count, programs[name].name, found, last));
      }
    }
    deleteLargeTree(tree);
    const report = [
      `# Many jobs at once, ${data.files} small files, ${(data.bytes / 1e6).toFixed(0)} MB, over ${options.link}`,
      machineLines(bench.gateway.version).join('\n'),
      `All jobs and the gateway share the two cores and one link. Medians of ${options.rounds} rounds after a warm-up. Worst, of last: the time of the slowest job as a share of that of the last program of its group, in pairs. PSS: all processes together, at their peak.`,
      ...(options.limit
        ? [
            `The gateway answers 503 (SlowDown) to each request that comes while ${options.limit} are in work.`,
          ]
        : []),
      table(head, rows),
    ].join('\n\n');
    console.log(report);
    if (!options.quick) await publish(nameOf(options), `${report}\n`);
  } finally {
    await place.remove();
    await bench.close();
  }
});

function nameOf({ link, phases, jobs, limit }: Options): string {
  return ['crowd', link, ...phases, ...jobs, ...(limit ? ['503'] : [])].join('-');
}

function rowOf(
  phase: string,
  count: number,
  program: string,
  crowds: readonly Crowd[],
  last: readonly Crowd[],
): string[] {
  const of = (value: (crowd: Crowd) => number) => median(crowds.map(value));
  const walls = ({ jobs }: Crowd) => jobs.map(job => job.wallSeconds).sort((a, b) => a - b);
  const worst = (crowd: Crowd) => walls(crowd).at(-1)!;
  const sum = (crowd: Crowd, field: 'requests' | 'retries') =>
    crowd.jobs.reduce((total, job) => total + job[field], 0);
  const count2 = (value: number) => (Number.isNaN(value) ? '-' : value.toFixed(0));
  return [
    phase,
    String(count),
    program,
    of(crowd => median(walls(crowd))).toFixed(2),
    of(crowd => walls(crowd)[Math.ceil(0.95 * count) - 1]!).toFixed(2),
    of(worst).toFixed(2),
    crowds === last ? '-' : formatSpread(ratio(crowds.map(worst), last.map(worst)), 2),
    of(crowd => crowd.jobs.filter(({ isDone }) => !isDone).length).toFixed(0),
    (of(crowd => median(crowd.jobs.map(job => job.bytes))) / 1e6).toFixed(1),
    count2(of(crowd => sum(crowd, 'requests'))),
    count2(of(crowd => sum(crowd, 'retries'))),
    of(crowd => crowd.gatewayCpuSeconds).toFixed(2),
    (of(crowd => crowd.peakPssBytes) / 1e6).toFixed(0),
  ];
}

interface Options {
  readonly jobs: readonly number[];
  readonly files: number;
  readonly programs: readonly (typeof programNames)[number][];
  readonly phases: readonly (typeof phases)[number][];
  readonly rounds: number;
  /** Requests in work from which on the gateway answers 503. Undefined if it has no limit. */
  readonly limit: number | undefined;
  readonly link: LinkName;
  readonly place: PlaceName;
  readonly quick: boolean;
}

function parse(args: string[]): Options {
  const values = readOptions(args, commandLine, usage);
  return {
    jobs: values.jobs.split(',').map(text => integer('jobs', text, 1, 256)!),
    files: integer('files', values.files, 100, 1_000_000) ?? (values.quick ? 1_000 : 20_000),
    programs: list('programs', values.programs, programNames) ?? programNames,
    phases: list('only', values.only, phases) ?? phases,
    rounds: integer('rounds', values.rounds, 1, 100) ?? (values.quick ? 1 : 3),
    limit: integer('limit', values.limit, 1, 1000),
    link: one('link', values.link, linkNames),
    place: one('where', values.where, placeNames),
    quick: values.quick,
  };
}
