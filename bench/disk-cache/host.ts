import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { readClosingLine } from '../../test/support/closing-line.ts';
import { BenchError } from '../bench-error.ts';
import { type DataSet, describe } from '../data/data-set.ts';
import { countTraffic } from '../incremental/traffic.ts';
import type { Place } from '../place.ts';
import type { Program } from '../programs/program.ts';
import { ours } from '../programs/programs.ts';
import { runOnce, type Sample, treeName } from '../run-once.ts';
import { copyLargeTree, deleteLargeTree, type Workbench } from '../workbench.ts';

export const KEY = 'first';

/** A host with one workspace and one disk cache, in front of a gateway that holds the tree under `KEY`. */
export class Host {
  readonly bench: Workbench;
  readonly place: Place;
  readonly tree: string;
  /** The directory of the disk cache. */
  readonly frames: string;
  #digest = '';

  constructor(bench: Workbench, place: Place) {
    this.bench = bench;
    this.place = place;
    this.tree = path.join(place.workspace, treeName);
    this.frames = path.join(path.dirname(place.workspace), 'frames');
  }

  program(withDiskCache: boolean, endpoint = this.bench.store.endpoint, diskCacheBytes?: number): Program {
    const { bench } = this;
    return ours({
      ...bench,
      store: { ...bench.store, endpoint },
      diskCache: withDiskCache ? this.frames : undefined,
      diskCacheBytes,
    });
  }

  /** Saves the tree under `KEY`. */
  async stock(data: DataSet): Promise<void> {
    await this.bench.gateway.bucket(this.program(false).bucket!).create();
    copyLargeTree(data.directory, this.tree);
    await this.save(KEY);
    this.#digest = data.digest;
  }

  async save(key: string, restoreKeys: readonly string[] = []): Promise<Sample> {
    return runOnce(this.bench, this.place, this.program(false), {
      phase: 'save',
      key,
      restoreKeys,
      expected: ['saved'],
      keepTemp: true,
    });
  }

  /** Restores into an empty workspace, and compares names and sizes. */
  async restore(withDiskCache: boolean, key = KEY, restoreKeys: readonly string[] = []): Promise<Sample> {
    deleteLargeTree(this.tree);
    const expected = [restoreKeys.length > 0 ? 'partial' : 'hit'];
    const options = { phase: 'restore', key, restoreKeys, expected } as const;
    const sample = await runOnce(this.bench, this.place, this.program(withDiskCache), options);
    if (key === KEY) await this.#expectDigest();
    return sample;
  }

  /** Restores through a counter of bytes, and returns those that the gateway has sent. Not timed. */
  async countRestore(withDiskCache: boolean, key = KEY): Promise<number> {
    deleteLargeTree(this.tree);
    // Not over the link: the counter listens on the loopback device
    const counter = await countTraffic(this.bench.gateway.store.endpoint);
    const bench = { ...this.bench, link: { ...this.bench.link, prefix: [] } };
    try {
      const program = this.program(withDiskCache, counter.endpoint);
      await runOnce(bench, this.place, program, {
        phase: 'restore',
        key,
        restoreKeys: [],
        expected: ['hit'],
      });
      return counter.received;
    } finally {
      await counter.close();
    }
  }

  emptyFrames(): void {
    deleteLargeTree(this.frames);
    mkdirSync(this.frames);
  }

  async #expectDigest(): Promise<void> {
    const { digest } = await describe(this.tree);
    if (digest !== this.#digest) throw new BenchError('The restored tree differs from the saved one.');
  }
}

/** Returns a number of the closing line. */
export function field({ output }: Pick<Sample, 'output'>, name: string): number {
  return Number(readClosingLine(output)?.[name]);
}
