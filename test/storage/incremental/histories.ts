/**
 * `npm run histories`: runs random histories of incremental saves, and ends with the line `N histories, N differences` and exit
 * code 1 if there are any. `--count 1 --seed N` repeats a failing one.
 */

import { fork } from 'node:child_process';
import * as fs from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import { createDirectoryStore } from '../../../src/storage/directory/directory-store.ts';
import type { ObjectStore } from '../../../src/storage/object-store.ts';
import { readCommandLine } from '../../support/command-line.ts';
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

const USAGE = `npm run histories -- [OPTIONS]
  --count N         number of histories (500)
  --seed N          seed of the first one (1)
  --generations N   saves of each (5)
  --jobs N          number of processes (one for each core)
  --gateway         store the archives in a RADOS Gateway, not in a directory`;

if (process.send) process.once('message', share => void work(share as Share));
else await main();

async function main(): Promise<void> {
  const { count, seed, generations, jobs, gateway } = readCommandLine(USAGE, {
    count: 500,
    seed: 1,
    generations: 5,
    jobs: availableParallelism(),
    gateway: false,
  });
  const own = gateway ? await startGateway({ sizeGib: 8 }) : undefined;
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
