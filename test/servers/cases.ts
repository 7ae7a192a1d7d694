import { randomBytes, randomUUID } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { S3Settings } from '../../src/storage/s3/s3-settings.ts';
import type { Traits } from '../storage/conformance/subject.ts';
import { expectTree, jobsOf, reused } from '../storage/incremental/jobs.ts';
import { objectStoreConformance } from '../storage/object-store.conformance.ts';
import { openStore } from '../storage/s3/support.ts';
import { putObject } from '../support/put-object.ts';
import { MiB } from '../support/sizes.ts';
import { buildTree } from '../support/tree.ts';

/** The main cases of caches on one server: what a user notices of it. */
export function cacheCases(settings: () => Partial<S3Settings>, traits: Partial<Traits> = {}): void {
  const begin = () => {
    const store = openStore(settings());
    onTestFinished(() => store.close());
    return { store, all: jobsOf(store), key: randomUUID() };
  };

  test.each([0, 1000, 12 * MiB, 40 * MiB])('a cache of %i bytes is saved and restored', async sizeBytes => {
    const { all, key } = begin();
    const job = all.job();
    await buildTree(job.workspace, { 'tree/file': randomBytes(sizeBytes), 'tree/other': 'x' });
    expect(await job.save(key)).toMatchObject({ kind: 'saved' });
    await expectTree(all.job(), key, job);
    expect(await all.job().restore(`${key}-longer`, { restoreKeys: [key.slice(0, 8)] })).toMatchObject({
      kind: 'hit',
      exact: false,
    });
    const again = all.job();
    await buildTree(again.workspace, { 'tree/file': 'y' });
    expect(await again.save(key)).toMatchObject({ kind: 'exists' });
  });

  test('a save after a restore by a restore-key is incremental, or full where the server cannot copy', async () => {
    const { all, key } = begin();
    const first = all.job();
    const files = Array.from({ length: 12 }, (_, index) => [`tree/${index}`, randomBytes(MiB)] as const);
    await buildTree(first.workspace, Object.fromEntries(files));
    expect(await first.save(key)).toMatchObject({ kind: 'saved' });
    const second = all.job();
    await second.restore(`${key}-2`, { restoreKeys: [key] });
    fs.writeFileSync(path.join(second.workspace, 'tree/1'), 'changed');
    const outcome = await second.save(`${key}-2`);
    expect(outcome).toMatchObject({ kind: 'saved' });
    expect(reused(outcome) > 0).toBe(traits.copies ?? true);
    await expectTree(all.job(), `${key}-2`, second);
  });

  test.each([1000, 20 * MiB])(
    'a damaged cache of %i bytes is replaced by the save of the same job',
    async sizeBytes => {
      const { store, all, key } = begin();
      const job = all.job();
      await buildTree(job.workspace, { 'tree/file': randomBytes(sizeBytes) });
      await putObject(store, await job.objectName(key), randomBytes(1000), { onlyIfAbsent: true });
      expect(await job.restore(key)).toMatchObject({ rejected: [{ kind: 'damaged' }] });
      await buildTree(job.workspace, { 'tree/file': randomBytes(sizeBytes) });
      expect(await job.save(key)).toMatchObject({ kind: 'saved' });
      await expectTree(all.job(), key, job);
    },
  );
}

/** The promises of the store, and the main cases of caches. */
export function serverCases(settings: () => Partial<S3Settings>, traits: Partial<Traits> = {}): void {
  describe('the object store', () => objectStoreConformance(() => openStore(settings()), traits));
  describe('the cache', () => cacheCases(settings, traits));
}
