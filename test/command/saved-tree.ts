import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'vitest';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { CacheJob } from '../storage/incremental/job.ts';
import { incompressible } from '../support/random.ts';
import { scratch } from '../support/scratch.ts';

/** Saves a tree of two generations under `key-2`. Returns the job. */
export async function saveTree(store: ObjectStore): Promise<CacheJob> {
  const job = new CacheJob({ store, directory: scratch(), prefix: 'cache-s3' });
  const tree = path.join(job.workspace, 'tree');
  mkdirSync(path.join(tree, 'sub'), { recursive: true });
  writeFileSync(path.join(tree, 'large'), incompressible(5_600_000));
  writeFileSync(path.join(tree, 'sub/b'), 'hello');
  symlinkSync('sub/b', path.join(tree, 'link'));
  await job.save('key-1');
  await job.restore('none', { restoreKeys: ['key-'] });
  writeFileSync(path.join(tree, 'a'), 'new');
  expect(await job.save('key-2')).toMatchObject({ kind: 'saved', reusedBytes: expect.any(Number) });
  return job;
}
