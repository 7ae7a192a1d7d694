import { readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { ObjectReplacedError, StoreUnavailableError } from '../../../src/storage/store-errors.ts';
import { bent, tree } from '../../archive/support/refuses.ts';
import { override } from '../../support/override.ts';
import { linux, requires } from '../../support/platform-needs.ts';
import { putObject } from '../../support/put-object.ts';
import { incompressible } from '../../support/random.ts';
import { scratch } from '../../support/scratch.ts';
import { buildTree, describeTree } from '../../support/tree.ts';
import type { CacheJob } from '../incremental/job.ts';
import { jobsOf, withUploads } from '../incremental/jobs.ts';
import { serveStore } from '../s3/serve-store.ts';
import { contentIn, directoryJobs, jobWith } from './directory-jobs.ts';

const torn = () => Buffer.from('torn');

/** Damages the object that a job has saved under `key`, and makes a second job with another tree. */
async function damagedObject(key: string, damage: (bytes: Buffer) => Buffer) {
  const { job, fileOf } = directoryJobs();
  const first = await jobWith(job, 'one');
  await first.saveInFull(key);
  const file = fileOf(first, key);
  writeFileSync(file, damage(readFileSync(file)));
  return { job, second: await jobWith(job, 'two'), file };
}

/** The object that a restore finds damaged. */
async function damageFound(job: CacheJob, ...args: Parameters<CacheJob['restore']>) {
  const outcome = await job.restore(...args);
  expect(outcome).toMatchObject({ kind: 'miss', rejected: [{ kind: 'damaged' }] });
  return outcome.rejected![0]!.object;
}

describe('a damaged object', () => {
  test.each<[string, (bytes: Buffer) => Buffer]>([
    ['torn', bytes => bytes.subarray(0, bytes.length - 100)],
    ['empty', () => Buffer.alloc(0)],
    ['foreign', () => Buffer.from('<html>not found</html>'.repeat(50))],
    [
      'with a flipped bit in its data',
      bytes => Buffer.from(bytes.map((byte, index) => (index === 30 ? byte ^ 1 : byte))),
    ],
  ])('that is %s is reported with its name, and the same job may replace it', async (_, damage) => {
    const { job, second } = await damagedObject('k', damage);
    const before = await describeTree(second.workspace);
    const damaged = await damageFound(second, 'k');
    expect(damaged).toMatchObject({ name: second.objectName('k') });
    expect(await describeTree(second.workspace)).toEqual(before);

    expect(await second.save('k', { damaged, record: false })).toMatchObject({
      kind: 'saved',
    });
    const third = job();
    await third.restore('k');
    expect(contentIn(third)).toBe('two');
  });

  test('that another job has replaced is not replaced again', async () => {
    const { job, second } = await damagedObject('k', torn);
    const damaged = await damageFound(second, 'k');
    await (await jobWith(job, 'three')).save('k', { overwrite: true, record: false });
    expect(await second.save('k', { damaged, record: false })).toMatchObject({
      kind: 'exists',
    });
    const reader = job();
    await reader.restore('k');
    expect(contentIn(reader)).toBe('three');
  });

  test('that another job replaces right before the end is not replaced again', async () => {
    const { job, store, fileOf } = directoryJobs();
    const first = await jobWith(job, 'one');
    await first.saveInFull('k');
    writeFileSync(fileOf(first, 'k'), torn());
    const other = await jobWith(job, 'three');
    const late = job({
      store: withUploads(store, upload => ({
        async complete() {
          await other.save('k', { overwrite: true, record: false });
          return upload.complete();
        },
      })),
    });
    await buildTree(late.workspace, { 'tree/file': 'two' });
    const damaged = await damageFound(late, 'k');
    expect(await late.save('k', { damaged, record: false })).toMatchObject({ kind: 'exists' });
    const reader = job();
    await reader.restore('k');
    expect(contentIn(reader)).toBe('three');
  });

  test('that has been deleted does not prevent the save', async () => {
    const { second, file } = await damagedObject('k', torn);
    const damaged = await damageFound(second, 'k');
    rmSync(file);
    expect(await second.save('k', { damaged, record: false })).toMatchObject({
      kind: 'saved',
    });
  });

  test('under another key than the one that is saved is not replaced', async () => {
    const { second, file } = await damagedObject('k-1', torn);
    const damaged = await damageFound(second, 'k-2', { restoreKeys: ['k-'] });
    expect(damaged.name).toBe(second.objectName('k-1'));
    expect(await second.save('k-2', { damaged, record: false })).toMatchObject({
      kind: 'saved',
    });
    expect(readFileSync(file, 'utf8')).toBe('torn');
  });
});

describe('a restore whose best match is damaged', () => {
  /** Saves caches in this order, each with its key as content, and damages some of them. */
  async function saved(keys: readonly string[], isDamaged: (key: string) => boolean) {
    const { job, store, fileOf } = directoryJobs();
    for (const [index, key] of keys.entries()) {
      const first = await jobWith(job, key);
      await first.saveInFull(key);
      const file = fileOf(first, key);
      if (isDamaged(key)) writeFileSync(file, torn());
      utimesSync(file, index + 1, index + 1);
    }
    return { job, store };
  }

  test('restores the next newest cache of its restore-key', async () => {
    const { job } = await saved(['k-1', 'k-2', 'k-3'], key => key === 'k-3');
    const reader = job();
    expect(await reader.restore('k-4', { restoreKeys: ['k-'] })).toMatchObject({
      ...{ kind: 'hit', key: 'k-2', exact: false },
      rejected: [{ kind: 'damaged', key: 'k-3', object: { name: reader.objectName('k-3') } }],
    });
    expect(contentIn(reader)).toBe('k-2');
  });

  test('restores another cache in place of that of the exact key, which its save replaces', async () => {
    const { job } = await saved(['k-1', 'k-2'], key => key === 'k-2');
    const second = job();
    const outcome = await second.restore('k-2', { restoreKeys: ['k-'] });
    expect(outcome).toMatchObject({ kind: 'hit', key: 'k-1', rejected: [{ key: 'k-2' }] });
    const damaged = outcome.rejected![0]!.object;
    expect(await second.save('k-2', { damaged, record: false })).toMatchObject({ kind: 'saved' });
    expect(await job().restore('k-2')).toMatchObject({ kind: 'hit', exact: true });
  });

  test('tries three objects and then is a miss', async () => {
    const keys = ['k-1', 'k-2', 'k-3', 'k-4'];
    const { job } = await saved(keys, key => key !== 'k-1');
    expect(await job().restore('k-5', { restoreKeys: ['k-'] })).toMatchObject({
      kind: 'miss',
      rejected: [{ key: 'k-4' }, { key: 'k-3' }, { key: 'k-2' }],
    });
  });

  test('starts over at most twice, also if each of several damaged objects is replaced while it is read', async () => {
    const { job, store } = await saved(['k-1', 'k-2', 'k-3'], () => true);
    const attempts: string[] = [];
    const replaced = override(store, {
      getRange: async (name, range, options) => {
        // Any read of the exact key, which no object has
        if (name.includes('/k-4/')) return store.getRange(name, range, options);
        attempts.push(name);
        if (attempts.filter(one => one === name).length < 3) throw new ObjectReplacedError('replaced');
        return store.getRange(name, range, options);
      },
    });
    const outcome = await job({ store: replaced }).restore('k-4', { restoreKeys: ['k-'] });
    expect(outcome).toMatchObject({ kind: 'failed', rejected: [{ key: 'k-3' }] });
    expect(attempts.map(name => /k-\d/.exec(name)![0])).toEqual(['k-3', 'k-3', 'k-3', 'k-2']);
  });

  test('reports it also if the store fails afterwards', async () => {
    const { job, store } = await saved(['k-1', 'k-2'], key => key === 'k-2');
    let listings = 0;
    const failing = override(store, {
      list: (...args) => {
        if (++listings > 2) throw new StoreUnavailableError('connection refused');
        return store.list(...args);
      },
    });
    expect(await job({ store: failing }).restore('k-3', { restoreKeys: ['k-'] })).toMatchObject({
      kind: 'unavailable',
      rejected: [{ key: 'k-2' }],
    });
  });

  test('logs once a line that each of its attempts logs', async () => {
    const { store } = await serveStore();
    const { job } = jobsOf(store);
    const first = await jobWith(job, 'one');
    await buildTree(first.workspace, { 'tree/large': incompressible(3_000_000) });
    await first.saveInFull('k-1');
    await first.saveInFull('k-2');
    const damaged = await first.read('k-2');
    damaged[1_000_000]! ^= 1;
    await putObject(store, first.objectName('k-2'), damaged, { onlyIfAbsent: false });
    const second = job({ diskCache: { directory: path.join(scratch(), 'missing'), maxBytes: 1e9 } });
    await buildTree(second.workspace, { 'tree/.cache-s3-1-00000000-00000000/x': 'of a job that may run' });
    expect(await second.restore('k-2', { restoreKeys: ['k-'] })).toMatchObject({
      ...{ kind: 'hit', key: 'k-1' },
      rejected: [{ kind: 'damaged', key: 'k-2' }],
    });
    expect(second.lines).toEqual([
      expect.stringMatching(/^notice: The disk cache .* is not used/),
      expect.stringMatching(/^info: Directories \.cache-s3-\* remain in /),
    ]);
  });
});

test('a damaged object of the default branch is not replaced by a pull request', async () => {
  const { job, fileOf } = directoryJobs();
  const [main, own] = ['refs/heads/main', 'refs/pull/7/merge'];
  const first = job({ refs: [main] });
  await buildTree(first.workspace, { 'tree/file': 'one' });
  await first.saveInFull('k');
  writeFileSync(fileOf(first, 'k'), torn());
  const second = job({ refs: [own, main] });
  await buildTree(second.workspace, { 'tree/file': 'two' });
  const damaged = await damageFound(second, 'k');
  expect(damaged.name).toBe(first.objectName('k'));
  expect(await second.save('k', { damaged, record: false })).toMatchObject({ kind: 'saved' });
  expect(readFileSync(fileOf(first, 'k'), 'utf8')).toBe('torn');
  await damageFound(job({ refs: [main] }), 'k');
});

test('an object of another format is unusable, and no save replaces it', async () => {
  const { second, file } = await damagedObject('k', bytes => {
    bytes.writeUInt32LE(1, bytes.lastIndexOf('CS3M') + 4);
    return bytes;
  });
  const bytes = readFileSync(file);
  expect(await second.restore('k')).toMatchObject({
    kind: 'miss',
    rejected: [
      {
        kind: 'unusable',
        key: 'k',
        error: { message: 'it has archive format 1, and this release reads only format 2' },
      },
    ],
  });
  expect(await second.saveInFull('k')).toMatchObject({ kind: 'exists' });
  expect(readFileSync(file).equals(bytes)).toBe(true);
});

test('an object with a name of six million levels is damaged, and a save replaces it', async () => {
  const { second } = await damagedObject('k', () => bent([{ name: `./tree/${'d/'.repeat(6_000_000)}x` }]));
  const damaged = await damageFound(second, 'k');
  expect(await second.save('k', { damaged, record: false })).toMatchObject({ kind: 'saved' });
});

test(
  'an object with a name that only this machine cannot hold is unusable, and no save replaces it',
  requires(linux),
  async () => {
    const { job, fileOf } = directoryJobs();
    const first = await jobWith(job, 'one');
    await first.saveInFull('k');
    const file = fileOf(first, 'k');
    const object = bent(tree({ name: 'n'.repeat(256), data: 'x' }), ({ columns }) => {
      columns.head.object = first.objectName('k');
    });
    writeFileSync(file, object);
    const second = await jobWith(job, 'two');
    expect(await second.restore('k')).toMatchObject({
      kind: 'miss',
      rejected: [{ kind: 'unusable', error: { message: expect.stringContaining('of more than 255 bytes') } }],
    });
    expect(await second.saveInFull('k')).toMatchObject({ kind: 'exists' });
    expect(readFileSync(file).equals(object)).toBe(true);
  },
);
