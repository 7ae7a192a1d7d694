/**
 * main.ts [--objects N] [--pairs N] - fills a bucket of a real gateway with the names of a fleet's caches and their markers,
 * and measures the command on it (seconds, peak memory, requests), and a lookup by a restore-key among 10,000 caches with
 * and without markers. Writes bench/results/fleet.md. The objects have one byte: these operations read no content.
 */

import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { markerName } from '../../src/cache/keys/cache-names.ts';
import { matchSteps, spacesOf } from '../../src/cache/keys/scope.ts';
import { systemClock } from '../../src/retry/clock.ts';
import { TIME_LIMITS } from '../../src/retry/time-limits.ts';
import { findObject } from '../../src/storage/find-object.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { createS3Store } from '../../src/storage/s3/s3-store.ts';
import { createS3Settings } from '../../test/storage/s3/support.ts';
import { type Gateway, startGateway } from '../../test/support/gateway/gateway.ts';
import { createLookupRequest } from '../../test/support/requests.ts';
import { silentLog } from '../../test/support/silent-log.ts';
import { measure } from '../process/measure.ts';
import { machineLines } from '../report/machine.ts';
import { median } from '../report/statistics.ts';
import { table } from '../report/table.ts';

const VERSION = 'ab'.repeat(32);
const WRITERS = 24;
/** Caches among which a restore-key finds the newest, in the scope of `refs/heads/main` of one repository. */
const MATCHES = 10_000;

const { values } = parseArgs({
  options: { objects: { type: 'string', default: '100000' }, pairs: { type: 'string', default: '9' } },
});
const [objects, pairs] = [Number(values.objects), Number(values.pairs)];

const directory = await fs.mkdtemp(path.join(tmpdir(), 'cache-s3-fleet-'));
const gateway = await startGateway({ sizeGib: 16 });
try {
  execFileSync(process.execPath, [path.join(import.meta.dirname, '../../scripts/build.mjs'), directory]);
  const store = openStore(gateway);
  await fill(store, fleetNames(objects - MATCHES));
  const plain = namesOf('octo/plain', 'refs/heads/main', MATCHES);
  await fill(store, plain, false);
  const withoutMarkers = await lookups(store, 'octo/plain');
  await putAll(store, plain.map(markerOf));
  const withMarkers = await lookups(store, 'octo/plain');
  store.close();
  const commands = [
    'list --json',
    'prune --dry-run --unused 7d --max-size 200GB',
    'prune --dry-run --max-size 0 --json',
  ];
  const rows: string[][] = [];
  for (const line of commands) rows.push([`\`${line}\``, ...(await runCommand(line.split(' ')))]);
  const version = (await gateway.admin(['--version'])).trim();
  const text = report(rows, withoutMarkers, withMarkers, version);
  console.log(text);
  if (objects >= 100_000) writeFileSync(path.join(import.meta.dirname, '../results/fleet.md'), text);
} finally {
  await gateway.stop();
  await fs.rm(directory, { recursive: true, force: true });
}

function openStore({ endpoint, region, bucket, accessKey, secretKey }: Gateway): ObjectStore {
  const settings = createS3Settings({
    endpoint: new URL(endpoint),
    region,
    bucket,
    credentials: { accessKeyId: accessKey, secretAccessKey: secretKey },
  });
  return createS3Store(settings, {
    log: silentLog,
    mask() {},
    userAgent: 'cache-s3/bench',
    clock: systemClock,
    timeLimits: TIME_LIMITS,
    bucketWasDown: false,
  });
}

/** Names of caches of 50 repositories with 20 refs each. */
function fleetNames(count: number): string[] {
  const names: string[] = [];
  const each = Math.ceil(count / 1000);
  for (let place = 0; names.length < count; place++) {
    const ref = place % 20 === 0 ? 'refs/heads/main' : `refs/pull/${place % 20}/merge`;
    names.push(...namesOf(`octo/app-${Math.floor(place / 20)}`, ref, Math.min(each, count - names.length)));
  }
  return names;
}

function namesOf(repository: string, ref: string, count: number): string[] {
  const place = { repository, readRefs: [ref], writeRef: ref };
  const { write } = spacesOf({ scope: 'ref', prefix: 'cache-s3', version: VERSION, ...place });
  return Array.from({ length: count }, (_, index) =>
    write.objectName(`linux-npm-${index.toString(16).padStart(16, '0')}`),
  );
}

/** Stores caches of one byte, and their markers. */
async function fill(store: ObjectStore, names: readonly string[], marked = true): Promise<void> {
  await inParallel(names, async name => {
    const upload = store.createUpload(name, { partSizeBytes: 5 * 1024 * 1024, onlyIfAbsent: false });
    await upload.write(Uint8Array.of(0));
    await upload.complete();
  });
  if (marked) await putAll(store, names.map(markerOf));
}

function markerOf(name: string): string {
  return markerName('cache-s3', name)!;
}

function putAll(store: ObjectStore, names: readonly string[]): Promise<void> {
  return inParallel(names, name => store.putEmpty(name));
}

async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const next = items.values();
  await Promise.all(
    Array.from({ length: WRITERS }, async () => {
      for (const item of next) await work(item);
    }),
  );
}

/** Returns the ms of lookups by a restore-key that 10,000 caches match. */
async function lookups(store: ObjectStore, repository: string): Promise<number[]> {
  const place = { repository, readRefs: ['refs/heads/main'], writeRef: 'refs/heads/main' };
  const spaces = spacesOf({ scope: 'ref', prefix: 'cache-s3', version: VERSION, ...place });
  const plan = matchSteps(spaces.read, 'linux-npm-new', ['linux-npm-']);
  const request = createLookupRequest({ primaryKey: 'linux-npm-new', version: VERSION, plan });
  const times: number[] = [];
  for (let run = 0; run <= pairs; run++) {
    const begin = performance.now();
    const found = await findObject(store, request, 0);
    if (found.kind !== 'found') throw new Error('the restore-key matches nothing');
    // The first run opens the connections
    if (run > 0) times.push(performance.now() - begin);
  }
  return times;
}

/** Returns seconds, peak MB and requests of a subcommand. */
async function runCommand(args: readonly string[]): Promise<string[]> {
  const env = {
    PATH: process.env.PATH ?? '',
    HOME: directory,
    CACHE_S3_ENDPOINT: gateway.endpoint,
    CACHE_S3_BUCKET: gateway.bucket,
    CACHE_S3_ACCESS_KEY: gateway.accessKey,
    CACHE_S3_SECRET_KEY: gateway.secretKey,
  };
  const command = [process.execPath, path.join(directory, 'cache-s3.js'), ...args] as const;
  const { wallSeconds, peakRssBytes } = await measure({ args: command, cwd: directory, env });
  // A second run, because each line of the log takes time
  const { output } = await measure({ args: [...command, '--verbose'], cwd: directory, env });
  const requests = output.split('\n').filter(line => /^s3 [A-Z][A-Za-z0-9]+ .*, \d+ ms$/.test(line)).length;
  return [wallSeconds.toFixed(1), (peakRssBytes / 1e6).toFixed(0), String(requests)];
}

function report(
  rows: string[][],
  without: readonly number[],
  withMarkers: readonly number[],
  version: string,
): string {
  const ms = (times: readonly number[]) => `${median(times).toFixed(0)} ms`;
  return `# The command on ${objects.toLocaleString('en')} caches

By \`bench/fleet/main.ts\`, on a RADOS Gateway 16.2.15 on the same machine. Each cache has a marker.

${table(['command', 'seconds', 'peak MB', 'requests'], rows)}

A lookup by a restore-key that ${MATCHES.toLocaleString('en')} caches match, median of ${without.length}:

${table(
  ['markers', 'time'],
  [
    ['none', ms(without)],
    ['one for each cache', ms(withMarkers)],
  ],
)}

${machineLines(version).join('\n')}
`;
}
