/**
 * `npm run bench:markers`: measures a lookup by a restore-key among 10,000 caches of a real gateway, with and without a marker
 * for each, in turn. Writes bench/results/markers.md. The caches are empty: a lookup reads no content.
 */

import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { markerName } from '../src/cache/keys/cache-names.ts';
import { placesOf } from '../src/cache/keys/scope.ts';
import { findObject } from '../src/storage/archives/find-object.ts';
import type { ObjectStore } from '../src/storage/object-store.ts';
import { openStore } from '../test/storage/s3/support.ts';
import { readCommandLine } from '../test/support/command-line.ts';
import { startGateway } from '../test/support/gateway/gateway.ts';
import { createLookupRequest } from '../test/support/requests.ts';
import { machineLines } from './report/machine.ts';
import { median } from './report/statistics.ts';
import { table } from './report/table.ts';

const VERSION = 'ab'.repeat(32);
const CACHES = 10_000;
const WRITERS = 24;

const { turns } = readCommandLine(
  'npm run bench:markers -- [--turns N]   N is the number of lookups of each kind (15)',
  { turns: 15 },
);

const gateway = await startGateway();
try {
  const { endpoint, region, bucket, accessKey, secretKey } = gateway;
  const credentials = { accessKeyId: accessKey, secretAccessKey: secretKey };
  const store = openStore({ endpoint: new URL(endpoint), region, bucket, credentials });
  for (const repository of ['octo/plain', 'octo/marked']) await fill(store, repository);
  const times: Record<string, number[]> = { 'octo/plain': [], 'octo/marked': [] };
  // The first turn opens the connections
  for (let turn = 0; turn <= turns; turn++) {
    for (const [repository, of] of Object.entries(times)) {
      const ms = await lookUp(store, repository);
      if (turn > 0) of.push(ms);
    }
  }
  store.close();
  const version = (await gateway.admin(['--version'])).trim();
  const row = (title: string, of: readonly number[] = []) => [
    title,
    `${median(of).toFixed(0)} ms`,
    `${Math.min(...of).toFixed(0)} ms`,
  ];
  const rows = [row('none', times['octo/plain']), row('one for each', times['octo/marked'])];
  const text = [
    `# A lookup by a restore-key among ${CACHES.toLocaleString('en')} caches`,
    '',
    table(['markers', 'median', 'least'], rows),
    '',
    ...machineLines(version),
    '',
  ].join('\n');
  console.log(text);
  writeFileSync(path.join(import.meta.dirname, 'results/markers.md'), text);
} finally {
  await gateway.stop();
}

function placesFor(repository: string) {
  const run = { repository, readRefs: ['refs/heads/main'], writeRef: 'refs/heads/main' };
  return placesOf({ scope: 'ref', prefix: 'cache-s3', version: VERSION, ...run });
}

/** Stores the caches of a repository, and the markers of `octo/marked`. */
async function fill(store: ObjectStore, repository: string): Promise<void> {
  const { write } = placesFor(repository);
  const names = Array.from({ length: CACHES }, (_, index) => write.objectName(`npm-${index}`));
  const markers = repository === 'octo/marked' ? names.map(name => markerName('cache-s3', name)!) : [];
  const next = [...names, ...markers].values();
  await Promise.all(
    Array.from({ length: WRITERS }, async () => {
      for (const name of next) await store.putEmpty(name);
    }),
  );
}

/** Returns the ms of a lookup that all caches of the repository match. */
async function lookUp(store: ObjectStore, repository: string): Promise<number> {
  const places = placesFor(repository).read;
  const request = createLookupRequest({
    primaryKey: 'npm-new',
    restoreKeys: ['npm-'],
    version: VERSION,
    places,
  });
  const begin = performance.now();
  const found = await findObject(store, request, 0);
  if (found.kind !== 'found') throw new Error('the restore-key matches nothing');
  return performance.now() - begin;
}
