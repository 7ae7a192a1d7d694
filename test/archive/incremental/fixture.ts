import path from 'node:path';
import { silentLog } from '../../../src/report/log.ts';
import { createDirectoryStore } from '../../../src/storage/directory/directory-store.ts';
import type { ObjectStore } from '../../../src/storage/object-store.ts';
import type { TreeSpec } from '../../support/tree.ts';
import { scratch } from '../scratch.ts';
import { incompressible } from '../support.ts';
import { Job, type JobOptions } from './job.ts';

/** Enough that an archive can be grown (5 MiB), in files of which one or two may change (a quarter). */
export const ballast: TreeSpec = Object.fromEntries(
  Array.from({ length: 9 }, (_, index) => [
    `tree/ballast/${index}`,
    { content: incompressible(700_000, `ballast ${index}`), mtime: 1_600_000_000_000_000 + index },
  ]),
);

/** Jobs with one store in common, all gone when the test is. */
export interface Fleet {
  readonly store: ObjectStore;
  job(options?: Partial<JobOptions>): Job;
}

/** A directory of this host as the store, unless the test brings another. */
export function fleet(store?: ObjectStore): Fleet {
  const directory = scratch();
  const common = store ?? createDirectoryStore(path.join(directory, 'objects'), { log: silentLog });
  let jobs = 0;
  return {
    store: common,
    job: options => new Job({ store: common, directory: path.join(directory, `job-${++jobs}`), ...options }),
  };
}

/** Names of the entries with data that `key` packed itself, rather than taken over from its base. */
export async function packedBy(job: Job, key: string, baseKey: string): Promise<string[]> {
  const [{ manifest }, base] = [await job.open(key), await job.open(baseKey)];
  const old = base.manifest.frames.length;
  return manifest.entries.filter(({ size, frame }) => size > 0 && frame >= old).map(({ name }) => name);
}
