import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'vitest';
import { silentLog } from '../../../../src/report/log.ts';
import type { SaveOutcome } from '../../../../src/storage/backend.ts';
import { createDirectoryStore } from '../../../../src/storage/directory/directory-store.ts';
import type { ObjectStore, Upload } from '../../../../src/storage/object-store.ts';
import { buildTree, describeTree, type TreeSpec } from '../../../support/tree.ts';
import { incompressible } from '../../support/archives.ts';
import { scratch } from '../../support/scratch.ts';
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

/** Bytes that a save has taken over from its base; -1: it has saved nothing. */
export const reused = (outcome: SaveOutcome) => (outcome.result === 'saved' ? outcome.reusedBytes : -1);

/** A job that has restored `k-1`, saved by another job, and changed a file since. */
export async function changedJob({ job }: Fleet, workspaceOf?: Job): Promise<Job> {
  const first = workspaceOf ?? job();
  await buildTree(first.workspace, { ...ballast, 'tree/a': 'first' });
  await first.saveInFull('k-1');
  const second = job();
  await second.restore('none');
  writeFileSync(path.join(second.workspace, 'tree/a'), 'second');
  return second;
}

/** What `reader` restores from `key` is the tree of `saver`. */
export async function expectTree(reader: Job, key: string, saver: Job): Promise<void> {
  await reader.restore(key);
  expect(await describeTree(reader.workspace)).toEqual(await describeTree(saver.workspace));
}

/** `store` with other uploads. Those made before this was called are not concerned. */
export function withUploads(store: ObjectStore, change: (upload: Upload) => Partial<Upload>): ObjectStore {
  return {
    kind: store.kind,
    counters: store.counters,
    head: (...given) => store.head(...given),
    getRange: (...given) => store.getRange(...given),
    list: (...given) => store.list(...given),
    abortStale: (...given) => store.abortStale(...given),
    close: () => store.close(),
    createUpload(...given) {
      const upload = store.createUpload(...given);
      return {
        write: bytes => upload.write(bytes),
        copyRange: (...range) => upload.copyRange(...range),
        complete: () => upload.complete(),
        abort: () => upload.abort(),
        get accepted() {
          return upload.accepted;
        },
        ...change(upload),
      };
    },
  };
}
