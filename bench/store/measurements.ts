import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { BenchError } from '../bench-error.ts';
import { type Measured, measure } from '../process/measure.ts';
import type { Store } from '../programs/environment.ts';
import { median } from '../report/statistics.ts';

/** A store with a fleet, and the variables by which the command finds it. */
export interface Place {
  readonly kind: 'bucket' | 'directory';
  readonly caches: number;
  readonly variables: Readonly<Record<string, string>>;
}

export function bucketPlace(store: Store, bucket: string, caches: number): Place {
  const variables = {
    CACHE_S3_ENDPOINT: store.endpoint,
    CACHE_S3_REGION: store.region,
    CACHE_S3_BUCKET: bucket,
    CACHE_S3_ACCESS_KEY: store.accessKey,
    CACHE_S3_SECRET_KEY: store.secretKey,
  };
  return { kind: 'bucket', caches, variables };
}

export function directoryPlace(root: string, caches: number): Place {
  return { kind: 'directory', caches, variables: { CACHE_S3_ENDPOINT: pathToFileURL(root).href } };
}

/** The promise for 100,000 caches, in bytes. */
const LIMIT_BYTES = 300e6;
const ROUNDS = 3;

export const COLUMNS = ['store', 'caches', 'command', 'seconds', 'CPU s', 'peak MB', 'requests'];

const COMMANDS: readonly (readonly string[])[] = [
  ['list', '--json'],
  ['list', '--sort', 'used', '--json'],
  ['list', '--repository', 'org/service-30', '--json'],
  ['stats', '--json'],
];

/** Size to prune to for each cache, whose mean is 489 bytes: about 60 % of the caches exceed it. */
const PRUNED_TO_BYTES = 200;

/** Measures the command on stores, built in `dist`. */
export class Measurements {
  readonly rows: string[][] = [];
  readonly #dist: string;
  readonly #stop: AbortSignal;
  #tooLarge: string | undefined;

  constructor(dist: string, stop: AbortSignal) {
    this.#dist = path.resolve(dist);
    this.#stop = stop;
  }

  /** Measures the commands that change nothing: those on a directory once, because they take longer. */
  async read(place: Place): Promise<void> {
    const maxSize = `${(place.caches * PRUNED_TO_BYTES) / 1e6}MB`;
    const dryRun = ['prune', '--unused', '7d', '--max-size', maxSize, '--dry-run', '--json'];
    for (const args of [...COMMANDS, dryRun]) {
      if (place.kind === 'directory') {
        this.#add(place, args, [await this.#run(place, args)], 0);
        continue;
      }
      // Counts the requests, and wakes an idle gateway up
      const { output } = await this.#run(place, [...args, '--verbose']);
      const runs = [];
      for (let round = 0; round < ROUNDS; round++) runs.push(await this.#run(place, args));
      this.#add(place, args, runs, countRequests(output));
    }
  }

  /** Measures a prune that deletes 5 % of the bytes, once. */
  async prune(place: Place): Promise<void> {
    const { output } = await this.#run(place, ['stats', '--json']);
    const { bytes } = JSON.parse(output) as { bytes: number };
    const args = ['prune', '--max-size', String(Math.round(bytes * 0.95)), '--json'];
    const run = await this.#run(place, args);
    const { deletedCaches, requests } = JSON.parse(run.output) as { deletedCaches: number; requests: number };
    this.#add(place, ['prune', '--max-size', `(deletes ${deletedCaches})`], [run], requests);
  }

  /** Throws `BenchError` if a command needed more memory than promised. */
  checkMemory(): void {
    if (this.#tooLarge !== undefined) throw new BenchError(this.#tooLarge);
  }

  #run({ variables }: Place, args: readonly string[]): Promise<Measured> {
    const env = { PATH: process.env.PATH ?? '', ...variables };
    const program = path.join(this.#dist, 'cache-s3.js');
    return measure(
      { args: [process.execPath, program, ...args], env, cwd: this.#dist },
      { stop: this.#stop },
    );
  }

  #add(place: Place, args: readonly string[], runs: readonly Measured[], requests: number): void {
    const peak = Math.max(...runs.map(({ peakRssBytes }) => peakRssBytes));
    const command = args.join(' ');
    if (peak > LIMIT_BYTES)
      this.#tooLarge ??= `cache-s3 ${command} of a ${place.kind} needs ${(peak / 1e6).toFixed(0)} MB`;
    console.error(`bench: measured ${command} on a ${place.kind} of ${place.caches}`);
    this.rows.push([
      place.kind,
      place.caches.toLocaleString('en'),
      `\`${command}\``,
      median(runs.map(({ wallSeconds }) => wallSeconds)).toFixed(1),
      median(runs.map(({ cpuSeconds }) => cpuSeconds)).toFixed(1),
      (peak / 1e6).toFixed(0),
      place.kind === 'bucket' ? requests.toLocaleString('en') : '-',
    ]);
  }
}

function countRequests(output: string): number {
  return output.match(/^s3 \w+ /gm)?.length ?? 0;
}
