import path from 'node:path';
import { describe } from '../data/data-set.ts';
import type { Phase } from '../options.ts';
import type { Place } from '../place.ts';
import { ours } from '../programs/programs.ts';
import { runOnce, type Sample, treeName } from '../run-once.ts';
import type { Workbench } from '../workbench.ts';
import { countTraffic } from './traffic.ts';

interface BenchStep {
  readonly phase: Phase;
  readonly key: string;
  readonly restoreKeys?: readonly string[];
  readonly warm?: boolean;
  /** A restore runs as the main phase of a step, whose save follows. */
  readonly savesLater?: boolean;
  /**
   * RUNNER_TEMP: emptied (default), kept with the files of earlier steps, such as the record of a restore, or another
   * directory, which has no record of that restore.
   */
  readonly temp?: 'emptied' | 'kept' | 'another';
  /** The result that the action must report. */
  readonly result: 'saved' | 'hit' | 'partial';
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

  async run(step: BenchStep, endpoint = this.bench.store.endpoint): Promise<Sample> {
    const { bench, place } = this;
    const { phase, key, restoreKeys = [], warm, savesLater } = step;
    const program = ours({ ...bench, store: { ...bench.store, endpoint }, warm, savesLater });
    return runOnce(bench, place, program, {
      phase,
      key,
      restoreKeys,
      expected: [step.result],
      temp: step.temp === 'another' ? path.join(place.temp, 'another') : place.temp,
      keepTemp: step.temp === 'kept',
    });
  }

  /** Runs a step through a counter of bytes, which takes time. */
  async count(step: BenchStep): Promise<Traffic> {
    const counter = await countTraffic(this.bench.gateway.store.endpoint);
    try {
      const run = await this.run(step, counter.endpoint);
      const { sent, received } = counter;
      return { sent, received, requests: run.report.requests ?? Number.NaN };
    } finally {
      await counter.close();
    }
  }

  /** Throws unless the tree has these names and sizes. */
  async expectDigest(digest: string): Promise<void> {
    const found = await describe(this.tree);
    if (found.digest !== digest) throw new Error('cache-s3 restored a tree that differs from the saved one.');
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

  /** Returns the object of a key. */
  async read(key: string): Promise<Buffer<ArrayBuffer>> {
    const { gateway } = this.bench;
    const name = (await gateway.bucket(this.bucket).objects()).find(found => found.includes(`/${key}/`));
    if (name === undefined) throw new Error(`There is nothing under the key ${key}.`);
    const chunks: Uint8Array[] = [];
    for await (const chunk of await gateway.bucket(this.bucket).stream(name)) chunks.push(chunk);
    return Buffer.concat(chunks);
  }
}
