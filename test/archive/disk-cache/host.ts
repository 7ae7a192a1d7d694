import { mkdirSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { beforeEach, expect } from 'vitest';
import type { CacheJob, JobOptions } from '../../storage/incremental/job.ts';
import { jobsOf } from '../../storage/incremental/jobs.ts';
import { serveStore } from '../../storage/s3/serve-store.ts';
import { incompressible } from '../../support/random.ts';
import { scratch } from '../../support/scratch.ts';
import type { MemoryServer } from '../../support/servers/memory-server.ts';
import { buildTree, describeTree, type TreeDescription, type TreeSpec } from '../../support/tree.ts';

const MiB = 1024 * 1024;
/** Several frames of data that does not compress: a sliced file, and whole ones. */
const spec: TreeSpec = {
  'tree/large': { content: incompressible(9 * MiB, 'large') },
  'tree/one': { content: incompressible(3 * MiB, 'one') },
  'tree/two': { content: incompressible(3 * MiB, 'two') },
  'tree/empty': '',
  // Its frame is in the end of the object, which comes with the manifest
  'tree/zz-last': { content: incompressible(50_000, 'last') },
};

/** A host whose jobs share a disk cache, in front of a server that holds the tree `spec` under the key `k`. */
export interface Host {
  readonly directory: string;
  readonly server: MemoryServer;
  readonly tree: TreeDescription;
  readonly saver: CacheJob;
  /** Makes a job, by default with the disk cache of the host. */
  job(diskCache?: JobOptions['diskCache'], options?: Partial<JobOptions>): CacheJob;
  /** Names of the files in the directory. */
  files(): string[];
  /** Counts the reads of ranges since the last call, without that of the end of the object. */
  rangesSince(): number;
}

/** Starts a host for each test of a file. */
export function useHost(): Host {
  const host = {} as Host;
  beforeEach(async () => {
    Object.assign(host, await startHost());
  });
  return host;
}

export async function startHost(): Promise<Host> {
  const { server, store } = await serveStore();
  const all = jobsOf(store);
  const directory = path.join(scratch(), 'disk-cache');
  mkdirSync(directory);
  const saver = all.job();
  await buildTree(saver.workspace, spec);
  await saver.saveInFull('k');
  return {
    directory,
    server,
    saver,
    tree: await describeTree(saver.workspace),
    job: (diskCache = { directory, maxBytes: 1e9 }, options = {}) => all.job({ diskCache, ...options }),
    files: () => readdirSync(directory).sort(),
    rangesSince: () => server.operations.splice(0).filter(operation => operation === 'GetObject').length - 1,
  };
}

/** Restores `key`, and expects the right tree. Returns the bytes that came from the bucket and from the disk. */
export async function restoreRight(
  job: CacheJob,
  tree: TreeDescription,
  key = 'k',
): Promise<{ readonly bucket: number | undefined; readonly disk: number | undefined }> {
  const outcome = await job.restore(key);
  if (outcome.kind !== 'hit' || !('entries' in outcome)) return expect.fail(JSON.stringify(outcome));
  expect(await describeTree(job.workspace)).toEqual(tree);
  return { bucket: outcome.fetchedBytes, disk: outcome.diskBytes };
}
