/**
 * `npm run bench:store`: measures the command on stores of 10,000 and 100,000 caches with markers, in buckets of a real gateway and
 * in a directory. Writes bench/results/store.md. Storing them takes most of the time, so the two parts can be run apart:
 * `--keep` stores them and waits for Ctrl+C, a day at most, and `--reuse DIRECTORY` measures them meanwhile, once.
 */

import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { readOptions } from '../arguments.ts';
import { BenchGateway } from '../gateway.ts';
import { machineLines } from '../report/machine.ts';
import { publish } from '../report/publish.ts';
import { table } from '../report/table.ts';
import { runToEnd } from '../run.ts';
import { fillBucket, fillDirectory } from './fleet.ts';
import { bucketPlace, COLUMNS, directoryPlace, Measurements } from './measurements.ts';

const USAGE = 'npm run bench:store -- [--keep | --reuse DIRECTORY] [--dist DIRECTORY]';

/** The longest time that filled stores are kept. */
const DAY_MS = 24 * 60 * 60 * 1000;

const CACHES = [10_000, 100_000];

await runToEnd(async stop => {
  const { keep, reuse, dist } = readOptions(
    process.argv.slice(2),
    {
      keep: { type: 'boolean', default: false },
      reuse: { type: 'string' },
      dist: { type: 'string', default: 'dist' },
    },
    USAGE,
  );
  const gateway = await (reuse === undefined ? BenchGateway.start({}) : BenchGateway.attach(reuse));
  const files = path.join(gateway.directory, 'files');
  try {
    if (reuse === undefined) await fill(gateway, files, stop);
    if (!keep) return await measureAll(gateway, files, dist, stop);
    console.error(`bench: npm run bench:store -- --reuse ${gateway.directory}`);
    await delay(DAY_MS, undefined, { signal: stop }).catch(() => {});
  } finally {
    if (reuse === undefined) {
      await rm(files, { recursive: true, force: true });
      await gateway.stop();
    }
  }
});

function bucketOf(caches: number): string {
  return `fleet-${caches}`;
}

async function fill(gateway: BenchGateway, files: string, stop: AbortSignal): Promise<void> {
  for (const caches of CACHES) {
    const begun = performance.now();
    await gateway.bucket(bucketOf(caches)).create();
    await fillBucket(gateway.store, bucketOf(caches), caches, stop);
    console.error(`bench: stored ${caches} caches in ${((performance.now() - begun) / 1000).toFixed(0)} s`);
  }
  await mkdir(files);
  await fillDirectory(files, CACHES.at(-1)!, stop);
}

async function measureAll(
  gateway: BenchGateway,
  files: string,
  dist: string,
  stop: AbortSignal,
): Promise<void> {
  const measurements = new Measurements(dist, stop);
  const buckets = CACHES.map(caches => bucketPlace(gateway.store, bucketOf(caches), caches));
  const directory = directoryPlace(files, CACHES.at(-1)!);
  for (const place of [...buckets, directory]) await measurements.read(place);
  for (const place of [...buckets, directory]) await measurements.prune(place);
  const report = [
    '# The command on 10,000 and 100,000 caches',
    '',
    ...machineLines(gateway.version),
    'Six of ten caches have a marker. Median of 3 runs, the largest peak of them, and the requests of one more. What deletes 5 % of the',
    'bytes ran once, and so did all on the directory, which is on the disk of the machine.',
    '',
    table(COLUMNS, measurements.rows),
    '',
  ].join('\n');
  console.log(report);
  await publish('store', report);
  measurements.checkMemory();
}
