/**
 * histories.ts [--count N] [--seed S] [--generations N] [--store directory|s3] [--jobs N] - runs random histories of
 * incremental saves, with seeds S, S+1, ..., and ends with the line `N histories, N differences` and exit code 1 if there
 * are any. `--count 1 --seed` with its seed repeats a failing one.
 */

import { fork } from 'node:child_process';
import * as fs from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { createDirectoryStore } from '../../../src/storage/directory/directory-store.ts';
import type { ObjectStore } from '../../../src/storage/object-store.ts';
import { type BucketAccess, type GatewayInfo, startGateway } from '../../support/gateway/gateway.ts';
import { silentLog } from '../../support/silent-log.ts';
import { runHistory, type SaveFacts } from './history.ts';

/** The histories that one process runs. */
interface Share {
  readonly seeds: readonly number[];
  readonly generations: number;
  readonly gateway: (GatewayInfo & BucketAccess) | undefined;
}

type Report = { readonly seed: number } & ({ readonly facts: SaveFacts } | { readonly failure: string });

if (process.send) process.once('message', share => void work(share as Share));
else await main();

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      count: { type: 'string', default: '500' },
      seed: { type: 'string', default: '1' },
      generations: { type: 'string', default: '5' },
      store: { type: 'string', default: 'directory' },
      jobs: { type: 'string', default: String(availableParallelism()) },
    },
  });
  const [count, seed, generations, jobs] = [values.count, values.seed, values.generations, values.jobs].map(
    Number,
  ) as [number, number, number, number];
  if (![count, seed, generations, jobs].every(Number.isSafeInteger)) {
    throw new Error('--count, --seed, --generations and --jobs are whole numbers');
  }
  const own = values.store === 's3' ? await startGateway({ sizeGib: 8 }) : undefined;
  const seeds = Array.from({ length: count }, (_, index) => seed + index);
  const total = { run: 0, failed: 0, incremental: 0, full: 0, readByTar: 0 };
  const take = (report: Report) => {
    total.run++;
    if ('failure' in report) {
      total.failed++;
      console.log(report.failure);
    } else {
      for (const fact of ['incremental', 'full', 'readByTar'] as const) total[fact] += report.facts[fact];
    }
    if (total.run % 50 === 0) console.log(`${total.run} histories, ${total.failed} differences so far`);
  };
  try {
    await Promise.all(
      Array.from({ length: jobs }, (_, job) =>
        inChild({ seeds: seeds.filter((_, index) => index % jobs === job), generations, gateway: own }, take),
      ),
    );
  } finally {
    await own?.stop();
  }
  if (total.run < count) total.failed += count - total.run;
  console.log(
    `saves: ${total.incremental} incremental, ${total.full} full; ${total.readByTar} archives read by tar as well`,
  );
  console.log(`${count} histories, ${total.failed} differences`);
  process.exitCode = total.failed > 0 ? 1 : 0;
}

function inChild(share: Share, take: (report: Report) => void): Promise<void> {
  return new Promise(resolve => {
    const child = fork(import.meta.filename);
    child.on('message', report => take(report as Report));
    child.on('exit', () => resolve());
    child.send(share);
  });
}

async function work({ seeds, generations, gateway }: Share): Promise<void> {
  const root = fs.mkdtempSync(path.join(tmpdir(), 'cache-s3-histories-'));
  try {
    for (const seed of seeds) {
      const directory = path.join(root, String(seed));
      fs.mkdirSync(directory);
      const objects = path.join(root, 'objects');
      const store = await openStore(gateway, objects);
      try {
        const facts = await runHistory({ seed, generations, store, directory });
        send({ seed, facts });
      } catch (error) {
        send({ seed, failure: (error as Error).stack ?? String(error) });
      } finally {
        store.close();
        for (const done of [directory, objects]) fs.rmSync(done, { recursive: true, force: true });
      }
    }
  } finally {
    fs.rmSync(root, { recursive: true, force: true });
    process.disconnect();
  }
}

function send(report: Report): void {
  process.send!(report);
}

async function openStore(gateway: Share['gateway'], objects: string): Promise<ObjectStore> {
  if (!gateway) return createDirectoryStore(objects, { log: silentLog });
  const { openStore: openS3Store } = await import('../s3/support.ts');
  const { accessKey: accessKeyId, secretKey: secretAccessKey } = gateway;
  return openS3Store({
    endpoint: new URL(gateway.endpoint),
    region: gateway.region,
    bucket: gateway.bucket,
    credentials: { accessKeyId, secretAccessKey },
  });
}
