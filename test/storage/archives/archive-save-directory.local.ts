import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  CopyRefusedError,
  ObjectReplacedError,
  StoreRefusedError,
} from '../../../src/storage/store-errors.ts';
import { ANY_NAME } from '../../support/any-name.ts';
import { posix, requires } from '../../support/platform-needs.ts';
import { incompressible } from '../../support/random.ts';
import { slashed } from '../../support/slashed.ts';
import { buildTree, describeTree } from '../../support/tree.ts';
import type { CacheJob } from '../incremental/job.ts';
import {
  ballast,
  changedJob,
  changedJobs,
  expectTree,
  type Jobs,
  jobsOf,
  packedBy,
  reused,
  withUploads,
} from '../incremental/jobs.ts';

describe('an incremental save', () => {
  test('copies the unchanged bytes of the restored object and reports their number', async () => {
    const { all, second } = await changedJobs();
    const outcome = await second.save('k-2');
    const { sizeBytes } = (await all.store.head(second.objectName('k-1')))!;
    expect(reused(outcome)).toBeGreaterThan(6_000_000);
    expect(reused(outcome)).toBeLessThan(sizeBytes);
    expect(second.lines).toEqual([]);
    await expectTree(all.job(), 'k-2', second);
  });

  test('works in save/, which finds the record of restore/ by the version', async () => {
    const { all, second } = await changedJobs();
    expect(reused(await second.save('k-2', { base: undefined }))).toBeGreaterThan(0);
    await expectTree(all.job(), 'k-2', second);
  });

  test('stores an object that needs nothing of its base', async () => {
    const { all, second } = await changedJobs();
    await second.save('k-2');
    fs.rmSync(await objectFile(all, second, 'k-1'));
    await expectTree(all.job(), 'k-2', second);
  });

  test('of a pull request has a base of the default branch', async () => {
    const all = jobsOf();
    const first = all.job();
    await buildTree(first.workspace, ballast);
    await first.saveInFull('k-1');
    const refs = ['refs/pull/1/merge', 'refs/heads/main'];
    const pull = all.job({ refs });
    await pull.restore('none');
    fs.writeFileSync(path.join(pull.workspace, 'tree/new'), 'new');
    expect(reused(await pull.save('k-1'))).toBeGreaterThan(0);
    const reader = all.job({ refs });
    await reader.restore('k-1');
    expect(await describeTree(reader.workspace)).toEqual(await describeTree(pull.workspace));
    const main = all.job();
    await main.restore('k-1');
    expect(await describeTree(main.workspace)).toEqual(await describeTree(first.workspace));
  });

  test('after two restores of the same paths has the second one as its base', async () => {
    const all = jobsOf();
    const [one, two] = [all.job(), all.job()];
    const shared = { 'tree/both': { content: 'same', mtime: 1_000_000 } };
    await buildTree(one.workspace, { ...ballast, ...shared, 'tree/only-1': 'one', 'tree/a': 'one' });
    await one.saveInFull('one');
    await buildTree(two.workspace, { ...ballast, ...shared, 'tree/only-2': 'two', 'tree/a': 'two' });
    await two.saveInFull('two');
    const both = all.job();
    await both.restore('none', { restoreKeys: ['one'] });
    await both.restore('none', { restoreKeys: ['two'] });
    expect(reused(await both.save('k', { base: undefined }))).toBeGreaterThan(0);
    // The second restore has not written this one: it cannot vouch for it
    expect(await packedBy(both, 'k', 'two')).toEqual(['./tree/only-1']);
    await expectTree(all.job(), 'k', both);
  });

  test('with the record of the first of two restores packs the files that the second wrote', async () => {
    const all = jobsOf();
    const two = all.job();
    const first = await changedJob(all);
    const base = { name: first.objectName('k-1'), etag: (await first.open('k-1')).etag };
    await buildTree(two.workspace, { 'tree/a': 'from another', 'tree/b': 'b' });
    await two.saveInFull('small');
    await first.restore('none', { restoreKeys: ['small'] });
    expect(reused(await first.save('k', { base }))).toBeGreaterThan(0);
    expect(await packedBy(first, 'k', 'k-1')).toEqual(['./tree/a', './tree/b']);
    await expectTree(all.job(), 'k', first);
  });

  test('copies and writes nothing if the key exists', async () => {
    const { all, second } = await changedJobs();
    await all.job().restore('none');
    expect(await second.save('k-1')).toMatchObject({ kind: 'exists' });
  });

  test('of its own base with overwrite is a full save', async () => {
    const { all, second } = await changedJobs();
    expect(reused(await second.save('k-1', { overwrite: true }))).toBe(0);
    await expectTree(all.job(), 'k-1', second);
  });

  test('is a full save without a record, or if most of the tree has changed', async () => {
    const { all, second } = await changedJobs();
    expect(reused(await second.save('k-2', { record: false }))).toBe(0);
    for (const index of [0, 1, 2]) {
      fs.writeFileSync(
        path.join(second.workspace, `tree/ballast/${index}`),
        incompressible(700_000, `${index} again`),
      );
    }
    expect(reused(await second.save('k-3'))).toBe(0);
    await expectTree(all.job(), 'k-3', second);
  });

  test('is a full save after a warm restore that wrote nothing', async () => {
    const all = jobsOf();
    const first = all.job();
    await buildTree(first.workspace, ballast);
    await first.saveInFull('k-1');
    await first.restore('none', { isWarm: true });
    expect(reused(await first.save('k-2'))).toBe(0);
    await expectTree(all.job(), 'k-2', first);
  });
});

describe('an incremental save becomes a full one and logs the reason once', () => {
  test('if the object of its base was replaced', async () => {
    const all = jobsOf();
    const first = all.job();
    const second = await changedJob(all, first);
    await first.save('k-1', { overwrite: true, record: false });
    expect(reused(await second.save('k-2'))).toBe(0);
    expect(second.lines).toEqual([
      'info: The cache is saved in full: the cache that was restored has been replaced.',
    ]);
    await expectTree(all.job(), 'k-2', second);
    expect(await all.store.abortStale('', 0, ANY_NAME)).toBe(0);
  });

  test('if the object of its base was deleted', async () => {
    const { all, second } = await changedJobs();
    fs.rmSync(await objectFile(all, second, 'k-1'));
    expect(reused(await second.save('k-2'))).toBe(0);
    expect(second.lines).toHaveLength(1);
    await expectTree(all.job(), 'k-2', second);
  });

  test.each([
    [new CopyRefusedError('the server does not copy parts (501)'), 'the server does not copy parts (501)'],
    [
      new StoreRefusedError('access is denied', { input: 'bucket' }),
      'the server refuses to copy the restored cache',
    ],
    [new ObjectReplacedError('after the last byte'), 'the cache that was restored has been replaced'],
  ])('if the copy fails with %o', async (error, reason) => {
    const all = jobsOf();
    const uploads: string[] = [];
    const refusing = withUploads(all.store, upload => ({
      async copyRange(source, range) {
        // Some bytes may be there by then: all of the upload has to go
        await upload.copyRange(source, range);
        throw error;
      },
      async abort() {
        uploads.push('aborted');
        await upload.abort();
      },
    }));
    const first = all.job();
    await changedJob(all, first);
    const second = all.job({ store: refusing });
    await second.restore('none');
    fs.symlinkSync('nowhere', path.join(second.workspace, 'tree/link'));
    expect(reused(await second.save('k-2'))).toBe(0);
    expect(second.lines).toEqual([`info: The cache is saved in full: ${reason}.`]);
    expect(uploads).toEqual(['aborted']);
    expect(await all.store.abortStale('', 0, ANY_NAME)).toBe(0);
    await expectTree(all.job(), 'k-2', second);
  });

  test('with one notice for each skipped file, although it scans twice', requires(posix), async () => {
    const all = jobsOf();
    const first = all.job();
    await changedJob(all, first);
    const second = all.job({
      store: withUploads(all.store, () => ({
        copyRange: () => Promise.reject(new CopyRefusedError('501')),
      })),
    });
    await second.restore('none');
    execFileSync('mkfifo', [path.join(second.workspace, 'tree/pipe')]);
    await second.save('k-2');
    expect(second.lines.map(line => line.split(' ', 1)[0])).toEqual(['info:', 'notice:']);
  });

  test.each<[string, (file: string) => void]>([
    ['missing', file => fs.rmSync(file)],
    ['cut short', file => fs.truncateSync(file, 1000)],
    [
      'damaged in its manifest',
      file => {
        const bytes = fs.readFileSync(file);
        bytes[600]! ^= 1;
        fs.writeFileSync(file, bytes);
      },
    ],
    ['foreign', file => fs.writeFileSync(file, 'something else')],
  ])('if the record of the restore is %s', async (_, change) => {
    const { all, second } = await changedJobs();
    const [name, ...more] = fs.readdirSync(second.temp);
    expect(more).toEqual([]);
    change(path.join(second.temp, name!));
    for (const [key, base] of [
      ['k-2', {}],
      ['k-3', { base: undefined }],
    ] as const) {
      expect(reused(await second.save(key, base))).toBe(0);
      await expectTree(all.job(), key, second);
    }
    expect(second.lines).toEqual([]);
  });
});

/** Returns the file in which the directory store keeps the object of `key`. */
async function objectFile({ store }: Jobs, job: CacheJob, key: string): Promise<string> {
  const name = job.objectName(key);
  const { sizeBytes } = (await store.head(name))!;
  const objects = path.join(job.workspace, '../../objects');
  const file = fs
    .readdirSync(objects, { recursive: true, withFileTypes: true })
    .map(found => path.join(found.parentPath, found.name))
    .find(found => slashed(found).includes(`/${key}/`) && fs.statSync(found).size === sizeBytes);
  expect(file).toBeDefined();
  return file!;
}
