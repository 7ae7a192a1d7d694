/** `npm run bench:defaults`: compares each default of the engine with other values. */

import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { integer, list, one, readOptions } from '../arguments.ts';
import { benchCases } from '../cases.ts';
import type { DataSet } from '../data/data-set.ts';
import { type LinkName, linkNames, type Phase } from '../options.ts';
import { openPlace } from '../place.ts';
import type { Program } from '../programs/program.ts';
import { ours } from '../programs/programs.ts';
import { machineLines } from '../report/machine.ts';
import { publish } from '../report/publish.ts';
import { formatSpread, median, ratio } from '../report/statistics.ts';
import { table } from '../report/table.ts';
import { runToEnd } from '../run.ts';
import type { Sample } from '../run-once.ts';
import { type Turns, takeTurns } from '../take-turns.ts';
import { warmMemory } from '../warm-memory.ts';
import { openWorkbench } from '../workbench.ts';
import { buildVariant, defaultOf } from './build-variant.ts';
import { inWords, knobs, levels } from './knobs.ts';

const caseLetters = ['a', 'b', 'c'] as const;
const names = [...knobs.map(({ name }) => name), 'level'];

const usage = `npm run bench:defaults -- [OPTIONS]
  --only ${names.join(',')}   which defaults (all)
  --case a|b|c               the tree (b)
  --rounds N                 measured runs of each (3; 1 with --quick)
  --link loopback|shaped     how the client reaches the gateway (shaped)
  --quick                    small data; the report is only printed`;

/** One value of one default. */
interface Variant {
  readonly name: string;
  readonly value: string;
  readonly program: Program;
}

const commandLine = {
  only: { type: 'string' },
  case: { type: 'string', default: 'b' },
  rounds: { type: 'string' },
  link: { type: 'string', default: 'shaped' },
  quick: { type: 'boolean', default: false },
} as const;

await runToEnd(async stop => {
  const options = parse(process.argv.slice(2));
  const subject = benchCases(options.quick).find(({ letter }) => letter === options.case)!;
  if (!options.quick) warmMemory();
  const scratch = await fs.mkdtemp(path.join(tmpdir(), 'cache-s3-bench-defaults-'));
  const bench = await openWorkbench({ link: options.link, stop });
  const place = await openPlace('tmpfs');
  try {
    const data = await subject.data!(bench.cacheDirectory);
    const standard = ours(bench);
    const variants = await variantsOf(options.names, async (knob, value) =>
      ours({ ...bench, dist: await buildVariant(scratch, knob, value) }),
    );
    if (options.names.includes('level')) {
      for (const level of levels) {
        variants.push({ name: 'level', value: String(level), program: ours({ ...bench, level }) });
      }
    }
    const programs = [standard, ...variants.map(({ program }) => program)];
    const turns = await takeTurns(bench, place, data, programs, options.rounds);
    const report = [
      `# Defaults of the engine: ${subject.title}, on ${place.name}, ${options.link}`,
      machineLines(bench.gateway.version).join('\n'),
      treeLine(data, options.rounds),
      ...(['save', 'restore'] as const).flatMap(phase => [
        `## ${phase}`,
        tableOf(phase, turns, standard, variants),
      ]),
    ].join('\n\n');
    console.log(report);
    if (!options.quick) await publish(`defaults-${subject.letter}-${options.link}`, `${report}\n`);
  } finally {
    await place.remove();
    await bench.close();
    await fs.rm(scratch, { recursive: true, force: true });
  }
});

async function variantsOf(
  wanted: readonly string[],
  make: (knob: (typeof knobs)[number], value: string) => Promise<Program>,
): Promise<Variant[]> {
  const variants: Variant[] = [];
  for (const knob of knobs.filter(({ name }) => wanted.includes(name))) {
    const standing = await defaultOf(knob);
    for (const value of knob.others) {
      console.error(`bench: building ${knob.name} ${inWords(value)}`);
      const name = `${knob.name} (${inWords(standing)})`;
      variants.push({ name, value: inWords(value), program: await make(knob, value) });
    }
  }
  return variants;
}

function tableOf(phase: Phase, turns: Turns, standard: Program, variants: readonly Variant[]): string {
  const runs = turns.get(phase)!;
  const samplesOf = (program: Program) => runs.get(program)!;
  const wall = (samples: readonly Sample[]) => samples.map(({ wallSeconds }) => wallSeconds);
  const row = (name: string, value: string, program: Program) => {
    const samples = samplesOf(program);
    const middle = (of: (sample: Sample) => number, digits: number) =>
      median(samples.map(of)).toFixed(digits);
    return [
      name,
      value,
      middle(sample => sample.wallSeconds, 2),
      program === standard ? '1' : formatSpread(ratio(wall(samples), wall(samplesOf(standard))), 2),
      middle(sample => sample.cpuSeconds + sample.gatewayCpuSeconds, 2),
      middle(sample => sample.peakRssBytes / 1e6, 0),
      middle(sample => (sample.report.bytes ?? Number.NaN) / 1e6, 1),
    ];
  };
  const head = ['default', 'instead', 'wall s', 'of the default', 'all CPU s', 'peak RSS MB', 'stored MB'];
  return table(head, [
    row('all defaults', '', standard),
    ...variants.map(({ name, value, program }) => row(name, value, program)),
  ]);
}

function treeLine(data: DataSet, rounds: number): string {
  return `Tree: ${data.files} files, ${(data.bytes / 1e6).toFixed(1)} MB, digest ${data.digest}. ${rounds} runs of each, in turn.`;
}

interface Options {
  readonly names: readonly string[];
  readonly case: (typeof caseLetters)[number];
  readonly rounds: number;
  readonly link: LinkName;
  readonly quick: boolean;
}

function parse(args: string[]): Options {
  const { only, case: letter, rounds, link, quick } = readOptions(args, commandLine, usage);
  return {
    names: list('only', only, names) ?? names,
    case: one('case', letter, caseLetters),
    rounds: integer('rounds', rounds, 1, 100) ?? (quick ? 1 : 3),
    link: one('link', link, linkNames),
    quick,
  };
}
