import { appendFileSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { SourceTreeError } from '../../../src/archive/archive-errors.ts';
import { createDirectoryStore } from '../../../src/storage/directory/directory-store.ts';
import { objectPath } from '../../../src/storage/directory/file-names.ts';
import { StoreUnavailableError } from '../../../src/storage/store-errors.ts';
import { bent, tree } from '../../archive/support/refuses.ts';
import { override } from '../../support/override.ts';
import { linux, requires } from '../../support/platform-needs.ts';
import { putObject } from '../../support/put-object.ts';
import { incompressible } from '../../support/random.ts';
import { scratch } from '../../support/scratch.ts';
import { silentLog } from '../../support/silent-log.ts';
import { buildTree, describeTree } from '../../support/tree.ts';
import type { CacheJob } from '../incremental/job.ts';
import { jobsOf, withUploads } from '../incremental/jobs.ts';
import { serveStore } from '../s3/serve-store.ts';

/** Jobs with one directory store, whose objects can be damaged as files. */
function setUp() {
  const root = scratch();
  const store = createDirectoryStore(root, { log: silentLog });
  const { job } = jobsOf(store);
  const fileOf = (of: CacheJob, key: string) => path.join(root, objectPath(of.objectName(key)));
  const files = async () =>
    (await readdir(root, { recursive: true, withFileTypes: true })).filter(entry => entry.isFile());
  return { root, store, job, fileOf, files };
}

async function jobWith(job: () => CacheJob, content: string): Promise<CacheJob> {
  const made = job();
  await buildTree(made.workspace, { 'tree/file': content, 'tree/sub/other': 'other' });
  return made;
}

const contentIn = (job: CacheJob) => readFileSync(path.join(job.workspace, 'tree/file'), 'utf8');

const torn = () => Buffer.from('torn');

/** Damages the object that a job has saved under `key`, and makes a second job with another tree. */
async function damagedObject(key: string, damage: (bytes: Buffer) => Buffer) {
  const { job, fileOf } = setUp();
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

describe('a save', () => {
  test('stores a tree that another job restores', async () => {
    const { job } = setUp();
    const first = await jobWith(job, 'one');
    expect(await first.saveInFull('k')).toMatchObject({ kind: 'saved', source: 'directory', entries: 4 });
    const second = job();
    expect(await second.restore('k')).toMatchObject({
      key: 'k',
      exact: true,
      source: 'directory',
      entries: 4,
      rawBytes: 8,
    });
    expect(await describeTree(second.workspace)).toEqual(await describeTree(first.workspace));
  });

  test('writes its key, version, paths and origin into the manifest', async () => {
    const { job } = setUp();
    const first = await jobWith(job, 'one');
    const origin = { repository: 'octo/app', sha: '0123abc', runAttempt: '3' };
    await first.save('k', { record: false, origin });
    const { manifest, name } = await first.open('k');
    expect(manifest.head).toEqual({
      tool: 'cache-s3/0.0.0',
      object: name,
      key: 'k',
      version: name.slice(-72, -'.tar.zst'.length),
      paths: ['tree'],
      platform: process.platform,
      origin,
    });
  });

  test('never replaces a key without overwrite', async () => {
    const { job } = setUp();
    await (await jobWith(job, 'one')).saveInFull('k');
    const second = await jobWith(job, 'two');
    expect(await second.saveInFull('k')).toEqual({ kind: 'exists', source: 'directory' });
    const reader = job();
    await reader.restore('k');
    expect(contentIn(reader)).toBe('one');
    expect(await second.save('k', { overwrite: true, record: false })).toMatchObject({
      kind: 'saved',
    });
    await reader.restore('k');
    expect(contentIn(reader)).toBe('two');
  });

  test('of one key by several jobs at once stores one whole object, and all succeed', async () => {
    const { job } = setUp();
    const jobs = await Promise.all(['a', 'b', 'c', 'd'].map(content => jobWith(job, content)));
    const outcomes = await Promise.all(jobs.map(each => each.saveInFull('k')));
    expect(outcomes.filter(({ kind }) => kind === 'saved').length).toBe(1);
    expect(outcomes.filter(({ kind }) => kind === 'exists').length).toBe(3);
    const winner = jobs[outcomes.findIndex(({ kind }) => kind === 'saved')]!;
    const reader = job();
    await reader.restore('k');
    expect(contentIn(reader)).toBe(contentIn(winner));
  });

  test('of paths that do not exist stores nothing', async () => {
    const { job, root } = setUp();
    expect(await job().saveInFull('k')).toEqual({ kind: 'empty' });
    expect(await readdir(root)).toEqual([]);
  });

  test('aborts uploads that killed jobs left a day ago in its scope, and neither younger ones nor those of other programs', async () => {
    const { job, store, files } = setUp();
    const first = await jobWith(job, 'one');
    const other = job({ refs: ['refs/heads/other'] });
    const old = first.objectName('old');
    const uploads = await Promise.all(
      [
        old,
        `${path.posix.dirname(old)}/foreign`,
        first.objectName('young'),
        other.objectName('elsewhere'),
      ].map(async name => {
        const upload = store.createUpload(name, { partSizeBytes: 5_242_880, onlyIfAbsent: true });
        await upload.write(Buffer.from('begun'));
        return upload;
      }),
    );
    for (const { name, parentPath } of await files()) {
      const seconds = Date.now() / 1000 - (parentPath.endsWith('young') ? 23 : 25) * 3600;
      utimesSync(path.join(parentPath, name), seconds, seconds);
    }
    await first.saveInFull('k');
    expect(first.lines).toEqual(['info: Aborted 1 unfinished upload of earlier jobs.']);
    const left = (await files()).map(({ parentPath }) => path.basename(parentPath));
    expect(left.toSorted()).toEqual(['elsewhere', 'k', 'old', 'young']);
    for (const upload of uploads) await upload.abort();
  });

  test('that is cancelled leaves the key free and nothing in the store', async () => {
    const { job, store, files } = setUp();
    const stop = new AbortController();
    const stopping = withUploads(store, upload => ({
      async write(bytes) {
        await upload.write(bytes);
        expect(await files()).toHaveLength(1);
        stop.abort(new Error('cancelled'));
      },
    }));
    const cancelled = job({ store: stopping });
    await buildTree(cancelled.workspace, { 'tree/a': incompressible(9_000_000) });
    const outcome = await cancelled.save('k', { record: false, signal: stop.signal });
    expect(outcome).toEqual({ kind: 'cancelled', mayBeVisible: false });
    expect(await files()).toEqual([]);
    expect(await (await jobWith(job, 'x')).saveInFull('k')).toMatchObject({ kind: 'saved' });
  });

  test('of a tree that keeps changing fails and stores nothing', async () => {
    const { job, files } = setUp();
    const failing = job();
    await buildTree(failing.workspace, { 'tree/log': Buffer.alloc(60_000_000) });
    const timer = setInterval(() => appendFileSync(path.join(failing.workspace, 'tree/log'), 'x'), 1);
    expect(await failing.saveInFull('k')).toMatchObject({
      kind: 'failed',
      error: expect.any(SourceTreeError),
    });
    clearInterval(timer);
    expect(await files()).toEqual([]);
  });
});

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
    const { job, store, fileOf } = setUp();
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
    const { job, store, fileOf } = setUp();
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
  const { job, fileOf } = setUp();
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
    const { job, fileOf } = setUp();
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
