import { existsSync } from 'node:fs';
import path from 'node:path';
import { BenchError } from './bench-error.ts';
import type { Case } from './cases.ts';
import { type DataSet, describe } from './data/data-set.ts';
import { measureFloors, type PhaseFloors } from './floors/floors.ts';
import type { BenchOptions, Phase } from './options.ts';
import type { Place } from './place.ts';
import type { Program } from './programs/program.ts';
import { emptyNode, ours, peer, reference } from './programs/programs.ts';
import { rotate, runOnce, type Sample, treeName } from './run-once.ts';
import { compareTrees, copyLargeTree, deleteLargeTree, type Workbench } from './workbench.ts';

/** All runs of one case, in one place, over one link. */
export interface Comparison {
  readonly data: DataSet | undefined;
  /** Program name to its runs. Runs at the same index belong together. */
  readonly runs: ReadonlyMap<Phase, ReadonlyMap<string, readonly Sample[]>>;
  /** Undefined for the tiny cases. */
  readonly floors: PhaseFloors | undefined;
  /** The commands that the reference program printed. */
  readonly referenceCommands: ReadonlySet<string>;
}

/** The tiny cases take about 0.1 s and vary by 0.01 s. */
const tinyPairsFactor = 4;

/** Measures ours and the other programs in turn, each after a warm-up whose result is compared file by file. */
export async function compare(
  bench: Workbench,
  place: Place,
  subject: Case,
  options: BenchOptions,
): Promise<Comparison> {
  const programs = [
    ours({ ...bench, level: options.level }),
    reference(bench.referenceBundle, bench.store),
    ...options.peers.map(option => peer(option, bench.store)),
    ...(subject.tiny ? [emptyNode()] : []),
  ];
  const phases = subject.phases.filter(phase => options.phases.includes(phase));
  const pairs = options.pairs * (subject.tiny && !options.quick ? tinyPairsFactor : 1);
  const run = new Run(bench, place, subject, programs, await subject.data?.(bench.cacheDirectory));
  const runs = new Map<Phase, Map<string, Sample[]>>();
  try {
    await run.prepare();
    if (phases.includes('save')) runs.set('save', await run.saves(pairs));
    await run.stock();
    if (phases.includes('restore')) runs.set('restore', await run.restores(pairs));
    return {
      data: run.data,
      runs,
      floors: subject.tiny ? undefined : await run.floors(options.quick ? 1 : 3),
      referenceCommands: run.referenceCommands,
    };
  } finally {
    await run.clear();
  }
}

class Run {
  readonly data: DataSet | undefined;
  readonly referenceCommands = new Set<string>();
  readonly #bench: Workbench;
  readonly #place: Place;
  readonly #case: Case;
  readonly #programs: readonly Program[];
  readonly #tree: string;

  constructor(
    bench: Workbench,
    place: Place,
    subject: Case,
    programs: readonly Program[],
    data: DataSet | undefined,
  ) {
    this.#bench = bench;
    this.#place = place;
    this.#case = subject;
    this.#programs = programs;
    this.data = data;
    this.#tree = path.join(place.workspace, treeName);
  }

  async prepare(): Promise<void> {
    const { gateway } = this.#bench;
    for (const { bucket } of this.#programs) if (bucket !== undefined) await gateway.bucket(bucket).create();
    if (this.data !== undefined) copyLargeTree(this.data.directory, this.#tree);
  }

  async saves(pairs: number): Promise<Map<string, Sample[]>> {
    const once = async (program: Program, round: number) => {
      const sample = await this.#run(program, 'save', `round-${round}`);
      if (program.bucket !== undefined) await this.#bench.gateway.empty(program.bucket);
      return sample;
    };
    for (const program of this.#programs) await once(program, -1);
    return this.#alternate(pairs, once);
  }

  /** Fills the bucket of each program by its own save. */
  async stock(): Promise<void> {
    if (this.data === undefined) return;
    for (const program of this.#programs) {
      if (program.bucket === undefined) continue;
      if (this.#case.decoys > 0) await this.#addDecoys(program, program.bucket);
      await this.#run(program, 'save', this.#case.savedAs);
    }
  }

  async restores(pairs: number): Promise<Map<string, Sample[]>> {
    for (const program of this.#programs) {
      deleteLargeTree(this.#tree);
      await this.#run(program, 'restore', this.#case.key);
      if (program.bucket !== undefined) this.#compareTree();
    }
    return this.#alternate(pairs, async program => {
      deleteLargeTree(this.#tree);
      const sample = await this.#run(program, 'restore', this.#case.key);
      if (program.bucket !== undefined) await this.#countTree(program);
      return sample;
    });
  }

  async floors(repetitions: number): Promise<PhaseFloors> {
    const { gateway } = this.#bench;
    if (!existsSync(this.#tree)) copyLargeTree(this.data!.directory, this.#tree);
    const bucket = this.#programs[0]!.bucket!;
    const [object] = await gateway.bucket(bucket).objects();
    if (object === undefined) throw new BenchError(`There is nothing in ${bucket} to measure floors with.`);
    return measureFloors(this.#bench, this.#place, {
      chunks: await gateway.bucket(bucket).stream(object),
      tree: this.#tree,
      repetitions,
      level: 3,
      // The floors need the memory
      onObjectRead: () => this.#emptyBuckets(),
    });
  }

  async clear(): Promise<void> {
    deleteLargeTree(this.#tree);
    if (!this.#bench.stop.aborted) await this.#emptyBuckets();
  }

  async #emptyBuckets(): Promise<void> {
    for (const { bucket } of this.#programs)
      if (bucket !== undefined) await this.#bench.gateway.empty(bucket);
  }

  /** Runs each program once a round, in an order that changes. */
  async #alternate(
    rounds: number,
    once: (program: Program, round: number) => Promise<Sample>,
  ): Promise<Map<string, Sample[]>> {
    const samples = new Map(this.#programs.map(({ name }) => [name, [] as Sample[]]));
    for (let round = 0; round < rounds; round++) {
      for (const program of rotate(this.#programs, round))
        samples.get(program.name)!.push(await once(program, round));
    }
    return samples;
  }

  async #run(program: Program, phase: Phase, key: string): Promise<Sample> {
    const restoreKeys = phase === 'restore' ? this.#case.restoreKeys : [];
    const reports = program.bucket !== undefined && ['cache-s3', 'reference'].includes(program.name);
    const results = phase === 'save' ? ['saved'] : this.#case.results;
    const expected = reports ? results : undefined;
    const sample = await runOnce(this.#bench, this.#place, program, { phase, key, restoreKeys, expected });
    if (program.name === 'reference') {
      for (const [, command] of sample.output.matchAll(/^\[command\](.*)$/gm)) {
        this.referenceCommands.add(this.#withoutDirectories(command!));
      }
    }
    return sample;
  }

  #withoutDirectories(command: string): string {
    return command
      .replaceAll(this.#place.workspace, '$GITHUB_WORKSPACE')
      .replaceAll(this.#place.temp, '$RUNNER_TEMP')
      .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'UUID');
  }

  /** Adds objects whose names differ from a real one only in the key. All are older than the one to find. */
  async #addDecoys(program: Program, bucket: string): Promise<void> {
    const { gateway } = this.#bench;
    await this.#run(program, 'save', 'many-0');
    const [name] = await gateway.bucket(bucket).objects();
    if (name === undefined) throw new BenchError(`${program.name} stored nothing in ${bucket}.`);
    const numbers = Array.from({ length: this.#case.decoys - 1 }, (_, index) => index + 1).values();
    const worker = async () => {
      for (const number of numbers) {
        await gateway.bucket(bucket).put(name.replace('many-0', `many-${number}`), Buffer.from('x'));
      }
    };
    await Promise.all(Array.from({ length: 16 }, worker));
  }

  #compareTree(): void {
    if (this.data === undefined) return;
    compareTrees(this.data.directory, this.#tree);
  }

  async #countTree(program: Program): Promise<void> {
    if (this.data === undefined) return;
    const { digest } = await describe(this.#tree);
    if (digest !== this.data.digest)
      throw new BenchError(`${program.name} restored a tree that differs from the saved one.`);
  }
}
