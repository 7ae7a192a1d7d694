import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'vitest';
import { createDirectoryStore } from '../../../src/storage/directory/directory-store.ts';
import type { ObjectStore, Upload } from '../../../src/storage/object-store.ts';
import type { SaveOutcome } from '../../../src/storage/outcomes.ts';
import { override } from '../../support/override.ts';
import { incompressible } from '../../support/random.ts';
import { scratch } from '../../support/scratch.ts';
import { silentLog } from '../../support/silent-log.ts';
import { buildTree, describeTree, type TreeSpec } from '../../support/tree.ts';
import { CacheJob, type JobOptions } from './job.ts';

/** Over 5 MiB, the least that a save copies, in files of which up to two may change (a quarter). */
export const ballast: TreeSpec = Object.fromEntries(
  Array.from({ length: 9 }, (_, index) => [
    `tree/ballast/${index}`,
    { content: incompressible(700_000, `ballast ${index}`), mtime: 1_600_000_000_000_000 + index },
  ]),
);

/** Jobs that share a store, removed after the test. */
export interface Jobs {
  readonly store: ObjectStore;
  job(options?: Partial<JobOptions>): CacheJob;
}

/** Makes jobs that share `store`, by default a directory store. */
export function jobsOf(store?: ObjectStore): Jobs {
  const directory = scratch();
  const common = store ?? createDirectoryStore(path.join(directory, 'objects'), { log: silentLog });
  let jobs = 0;
  return {
    store: common,
    job: options =>
      new CacheJob({ store: common, directory: path.join(directory, `job-${++jobs}`), ...options }),
  };
}

/** Returns the names of the files with data that the save of `key` packed, and did not copy from its base. */
export async function packedBy(job: CacheJob, key: string, baseKey: string): Promise<string[]> {
  const [{ manifest }, base] = [await job.open(key), await job.open(baseKey)];
  const old = base.manifest.frames.length;
  return manifest.entries.filter(({ size, frame }) => size > 0 && frame >= old).map(({ name }) => name);
}

/** Bytes that a save copied from its base; -1 if it saved nothing. */
export const reused = (outcome: SaveOutcome) => (outcome.kind === 'saved' ? outcome.reusedBytes : -1);

/** Makes a job that has restored `k-1` of another job, and has changed a file. */
export async function changedJob({ job }: Jobs, workspaceOf?: CacheJob): Promise<CacheJob> {
  const first = workspaceOf ?? job();
  await buildTree(first.workspace, { ...ballast, 'tree/a': 'first' });
  await first.saveInFull('k-1');
  const second = job();
  await second.restore('none');
  writeFileSync(path.join(second.workspace, 'tree/a'), 'second');
  return second;
}

/** Makes jobs of which `second` has restored `k-1` and changed a file. */
export async function changedJobs(): Promise<{ readonly all: Jobs; readonly second: CacheJob }> {
  const all = jobsOf();
  return { all, second: await changedJob(all) };
}

/** Expects that `reader` restores the tree of `saver` from `key`. */
export async function expectTree(reader: CacheJob, key: string, saver: CacheJob): Promise<void> {
  await reader.restore(key);
  expect(await describeTree(reader.workspace)).toEqual(await describeTree(saver.workspace));
}

/** Returns `store` with changed uploads. */
export function withUploads(store: ObjectStore, change: (upload: Upload) => Partial<Upload>): ObjectStore {
  return override(store, {
    createUpload(...given) {
      const upload = store.createUpload(...given);
      return override(upload, change(upload));
    },
  });
}
