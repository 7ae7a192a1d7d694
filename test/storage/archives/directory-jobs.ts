import { readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { createDirectoryStore } from '../../../src/storage/directory/directory-store.ts';
import { objectPath } from '../../../src/storage/directory/file-names.ts';
import { scratch } from '../../support/scratch.ts';
import { silentLog } from '../../support/silent-log.ts';
import { buildTree } from '../../support/tree.ts';
import type { CacheJob } from '../incremental/job.ts';
import { jobsOf } from '../incremental/jobs.ts';

/** Jobs with one directory store, whose objects can be damaged as files. */
export function directoryJobs() {
  const root = scratch();
  const store = createDirectoryStore(root, { log: silentLog });
  const { job } = jobsOf(store);
  const fileOf = (of: CacheJob, key: string) => path.join(root, objectPath(of.objectName(key)));
  const files = async () =>
    (await readdir(root, { recursive: true, withFileTypes: true })).filter(entry => entry.isFile());
  return { root, store, job, fileOf, files };
}

/** Makes a job whose tree has a file with this content, and another one. */
export async function jobWith(job: () => CacheJob, content: string): Promise<CacheJob> {
  const made = job();
  await buildTree(made.workspace, { 'tree/file': content, 'tree/sub/other': 'other' });
  return made;
}

/** Returns the content of the file in a job's tree. */
export const contentIn = (job: CacheJob) => readFileSync(path.join(job.workspace, 'tree/file'), 'utf8');
