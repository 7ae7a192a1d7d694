/** `npm run bench:store`: measures the command on a bucket of many caches and markers. */

import path from 'node:path';
import { parseArgs } from 'node:util';
import { openStore } from '../../test/storage/s3/support.ts';
import { BenchError } from '../bench-error.ts';
import { BenchGateway } from '../gateway.ts';
import { measure } from '../process/measure.ts';
import type { Store } from '../programs/environment.ts';
import { machineLines } from '../report/machine.ts';
import { publish } from '../report/publish.ts';
import { table } from '../report/table.ts';
import { runToEnd } from '../run.ts';
import { storeFleet } from './fleet.ts';

const BUCKET = 'fleet';
/** Requests at the same time while the bucket is filled. */
const PARALLEL = 32;
/** The promise for 100,000 caches, in bytes. */
const LIMIT_BYTES = 300e6;
const ROUNDS = 3;

const COMMANDS: readonly (readonly string[])[] = [
  ['list', '--json'],
  ['list', '--sort', 'used', '--json'],
  ['list', '--repository', 'org/service-30', '--json'],
  ['stats', '--json'],
  ['prune', '--unused', '7d', '--max-size', '1GB', '--dry-run', '--json'],
];

await runToEnd(async stop => {
  const { values } = parseArgs({
    options: { caches: { type: 'string', default: '100000' }, dist: { type: 'string', default: 'dist' } },
  });
  const caches = Number(values.caches);
  if (!Number.isSafeInteger(caches) || caches < 1) throw new BenchError(`--caches is '${values.caches}'`);
  const gateway = await BenchGateway.start({});
  try {
    await gateway.bucket(BUCKET).create();
    const filledSeconds = await fill(gateway.store, caches);
    const rows: string[][] = [];
    for (const args of COMMANDS) rows.push(await row(path.resolve(values.dist), gateway.store, args, stop));
    const lines = [
      `# The command on ${caches} caches`,
      '',
      ...machineLines(gateway.version),
      `${caches} objects and 6 markers for each 10 of them, stored in ${filledSeconds.toFixed(0)} s. Median of ${ROUNDS} runs; requests of one more.`,
      '',
      table(['command', 'seconds', 'CPU s', 'peak MB', 'requests'], rows),
      '',
    ];
    const report = lines.join('\n');
    console.log(report);
    if (caches === 100_000) await publish('store', report);
  } finally {
    await gateway.stop();
  }
});

async function fill({ endpoint, region, accessKey, secretKey }: Store, caches: number): Promise<number> {
  const store = openStore({
    endpoint: new URL(endpoint),
    region,
    bucket: BUCKET,
    credentials: { accessKeyId: accessKey, secretAccessKey: secretKey },
  });
  const begun = performance.now();
  await storeFleet(store, caches, PARALLEL);
  store.close();
  return (performance.now() - begun) / 1000;
}

async function row(
  dist: string,
  store: Store,
  args: readonly string[],
  stop: AbortSignal,
): Promise<string[]> {
  const env = {
    PATH: process.env.PATH ?? '',
    CACHE_S3_ENDPOINT: store.endpoint,
    CACHE_S3_REGION: store.region,
    CACHE_S3_BUCKET: BUCKET,
    CACHE_S3_ACCESS_KEY: store.accessKey,
    CACHE_S3_SECRET_KEY: store.secretKey,
  };
  const run = (...more: string[]) =>
    measure(
      { args: [process.execPath, path.join(dist, 'cache-s3.js'), ...args, ...more], env, cwd: dist },
      { stop },
    );
  const runs = [];
  for (let round = 0; round < ROUNDS; round++) runs.push(await run());
  const { output } = await run('--verbose');
  const requests = output.match(/^s3 \w+ /gm)?.length ?? 0;
  const [peak] = runs.map(({ peakRssBytes }) => peakRssBytes).sort((a, b) => b - a);
  if (peak! > LIMIT_BYTES) throw new BenchError(`cache-s3 ${args.join(' ')} needs ${peak! / 1e6} MB`);
  const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1]!;
  return [
    `cache-s3 ${args.join(' ')}`,
    median(runs.map(({ wallSeconds }) => wallSeconds)).toFixed(1),
    median(runs.map(({ cpuSeconds }) => cpuSeconds)).toFixed(1),
    (peak! / 1e6).toFixed(0),
    String(requests),
  ];
}
