import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { describe } from '../data/data-set.ts';
import type { Phase } from '../options.ts';
import type { Place } from '../place.ts';
import { type Measured, measure } from '../process/measure.ts';
import { readTold, type Told } from '../programs/program.ts';
import { ours } from '../programs/programs.ts';
import { treeName } from '../run-once.ts';
import type { Workbench } from '../workbench.ts';
import { emptyDirectory } from './edits.ts';
import { countTraffic } from './traffic.ts';

export interface BenchStep {
  readonly phase: Phase;
  readonly key: string;
  readonly restoreKeys?: readonly string[];
  readonly warm?: boolean;
  /**
   * RUNNER_TEMP: emptied before (default), kept with what an earlier step left, the record of a restore; or another one,
   * so that nothing is known of that restore.
   */
  readonly temp?: 'emptied' | 'kept' | 'another';
  /** What the action has to say of it. */
  readonly result: 'saved' | 'hit' | 'partial';
}

/** One run, and what its last line told beside what it took. */
export interface StepRun extends Measured {
  readonly told: Told & { readonly reused: number };
}

export interface Traffic {
  readonly sent: number;
  readonly received: number;
  readonly requests: number;
}

/** Runs steps of the built action one after the other, in one workspace. */
export class StepRunner {
  readonly bench: Workbench;
  readonly place: Place;
  readonly tree: string;
  readonly bucket: string;

  constructor(bench: Workbench, place: Place) {
    this.bench = bench;
    this.place = place;
    this.tree = path.join(place.workspace, treeName);
    this.bucket = ours(bench).bucket!;
  }

  async run(step: BenchStep, endpoint?: string): Promise<StepRun> {
    const { bench, place } = this;
    const { workspace } = place;
    const temp = step.temp === 'another' ? path.join(place.temp, 'another') : place.temp;
    if (step.temp !== 'kept') emptyDirectory(temp);
    const { endpoint: direct } = bench.store;
    const program = ours({ ...bench, store: { ...bench.store, endpoint: endpoint ?? direct } });
    const { phase, key, restoreKeys = [] } = step;
    const command = program.command({ phase, key, restoreKeys, path: treeName, workspace, temp });
    const env = { ...command.env, 'INPUT_WARM-RESTORE': String(step.warm ?? false) };
    if (place.name === 'disk') execFileSync('sync');
    await bench.gateway.untilIdle();
    const measured = await measure({ ...command, env }, { prefix: bench.link.prefix, stop: bench.stop });
    const told = { ...readTold(measured), reused: Number(/ reused=(\d+)$/m.exec(measured.output)?.[1] ?? 0) };
    if (told.result !== step.result) {
      throw new Error(
        `cache-s3 said '${told.result}' for a ${phase}, not '${step.result}':\n${measured.output}`,
      );
    }
    return { ...measured, told };
  }

  /** The same once more through a counter: not for its time. */
  async count(step: BenchStep): Promise<Traffic & { readonly run: StepRun }> {
    const counter = await countTraffic(this.bench.gateway.store.endpoint);
    try {
      const run = await this.run(step, counter.endpoint);
      return {
        sent: counter.sent,
        received: counter.received,
        requests: run.told.requests ?? Number.NaN,
        run,
      };
    } finally {
      await counter.close();
    }
  }

  /** Throws unless the tree has these names and sizes. */
  async expectDigest(digest: string): Promise<void> {
    const found = await describe(this.tree);
    if (found.digest !== digest) throw new Error('cache-s3 restored another tree than was saved.');
  }

  async digest(): Promise<string> {
    return (await describe(this.tree)).digest;
  }

  /** Deletes all objects but those of these keys. */
  async keepOnly(keys: readonly string[]): Promise<void> {
    const { gateway } = this.bench;
    const names = await gateway.bucket(this.bucket).objects();
    await gateway.empty(
      this.bucket,
      new Set(names.filter(name => keys.some(key => name.includes(`/${key}/`)))),
    );
  }

  /** The bytes that stand under a key. */
  async read(key: string): Promise<Buffer<ArrayBuffer>> {
    const { gateway } = this.bench;
    const name = (await gateway.bucket(this.bucket).objects()).find(found => found.includes(`/${key}/`));
    if (name === undefined) throw new Error(`There is nothing under the key ${key}.`);
    const chunks: Uint8Array[] = [];
    for await (const chunk of await gateway.bucket(this.bucket).stream(name)) chunks.push(chunk);
    return Buffer.concat(chunks);
  }
}
