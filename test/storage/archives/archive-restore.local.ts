import * as fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { DamagedArchiveError } from '../../../src/archive/archive-errors.ts';
import { JobRecords } from '../../../src/records/job-records.ts';
import { findTreeRecord, readTreeRecord } from '../../../src/records/tree-record.ts';
import type { ObjectStore } from '../../../src/storage/object-store.ts';
import { ObjectReplacedError } from '../../../src/storage/store-errors.ts';
import { layoutIn } from '../../archive/support/archives.ts';
import { usePlatform } from '../../archive/support/platform.ts';
import { failed, instead } from '../../support/file-system-calls.ts';
import { posix, requires } from '../../support/platform-needs.ts';
import { putObject } from '../../support/put-object.ts';
import { incompressible } from '../../support/random.ts';
import { silentLog } from '../../support/silent-log.ts';
import { MiB } from '../../support/sizes.ts';
import { buildTree, describeTree, type TreeSpec } from '../../support/tree.ts';
import type { CacheJob } from '../incremental/job.ts';
import { ballast, type Jobs, jobsOf } from '../incremental/jobs.ts';

/** Each of them keeps the process from ending, by the port that it is spoken to. */
function countWorkers(): number {
  return process.getActiveResourcesInfo().filter(resource => resource === 'MessagePort').length;
}

/** A job that has saved a small tree as `k-1`. */
async function saver(
  { job }: Jobs,
  spec: TreeSpec = { 'tree/a': 'first', 'tree/sub/b': 'b' },
): Promise<CacheJob> {
  const first = job();
  await buildTree(first.workspace, spec);
  await first.saveInFull('k-1');
  return first;
}

/** The record that a restore of another key leaves. */
async function recordLeft(job: CacheJob) {
  const outcome = await job.restore('none');
  if (outcome.kind !== 'hit') return expect.fail(`the outcome is ${outcome.kind}`);
  const { name, etag } = outcome.object!;
  return (await readTreeRecord(new JobRecords(job.temp, silentLog), name, etag))!;
}

test.each<[string, string, boolean]>([
  ['an exact hit', 'k-1', false],
  ['the match of a prefix', 'none', false],
  ['a warm restore', 'k-1', true],
])('the progress of %s ends at its total', async (_, key, isWarm) => {
  const all = jobsOf();
  // Its last frame begins before the tail, so a part of it is received twice
  await saver(all, ballast);
  const second = all.job();
  if (isWarm) await second.restore(key);
  const file = path.join(second.workspace, 'tree/ballast/0');
  if (isWarm) fs.writeFileSync(file, 'changed');
  second.transferred = 0;
  await second.restore(key, { isWarm });
  expect(second.transferred).toBeGreaterThan(1_000_000);
  expect(second.expected).toBe(second.transferred);
});

describe('the record of a restore', () => {
  test('is written after a restore of another key, since a save may follow', async () => {
    const all = jobsOf();
    await saver(all);
    const second = all.job();
    const record = await recordLeft(second);
    expect(record).toEqual(await findTreeRecord(new JobRecords(second.temp, silentLog), record.version));
    const files = record.manifest.entries.filter(({ size }) => size > 0);
    expect(files.map(({ name }) => name)).toEqual(['./tree/a', './tree/sub/b']);
    for (const { name } of files) {
      const index = record.manifest.entries.findIndex(entry => entry.name === name);
      const stats = fs.lstatSync(path.join(second.workspace, name), { bigint: true });
      expect(record.rows.matches(index, stats), name).toBe(true);
    }
  });

  test('is not written after an exact hit, nor without RUNNER_TEMP', async () => {
    const all = jobsOf();
    await saver(all);
    const second = all.job();
    await second.restore('k-1');
    await second.restore('none', { record: false });
    expect(fs.readdirSync(second.temp)).toEqual([]);
  });

  test('may fail to be written, and the restore succeeds', async () => {
    const all = jobsOf();
    const first = await saver(all);
    const second = all.job();
    fs.rmSync(second.temp, { recursive: true });
    expect(await second.restore('none')).toMatchObject({ key: 'k-1' });
    expect(await describeTree(second.workspace)).toEqual(await describeTree(first.workspace));
    expect(second.lines).toEqual([]);
  });

  test('shows a change right after the restore, even if size and time are set back', async () => {
    const all = jobsOf();
    await saver(all, { ...ballast, 'tree/a': 'first', 'tree/sub/b': 'b' } as never);
    for (let round = 0; round < 5; round++) {
      const second = all.job();
      await second.restore('none', { restoreKeys: ['k-1'] });
      const file = path.join(second.workspace, 'tree/a');
      const { mtime, atime } = fs.statSync(file);
      fs.writeFileSync(file, 'FIRST');
      fs.utimesSync(file, atime, mtime);
      expect(await second.save(`changed-${round}`)).toMatchObject({ kind: 'saved' });
      const reader = all.job();
      await reader.restore(`changed-${round}`);
      expect(fs.readFileSync(path.join(reader.workspace, 'tree/a'), 'utf8')).toBe('FIRST');
    }
  });

  test('matches only files that the restore has written', async () => {
    const all = jobsOf();
    await saver(all);
    const second = all.job();
    await buildTree(second.workspace, { 'tree/a': 'older', 'tree/mine': 'not from the cache' });
    const { rows, manifest } = await recordLeft(second);
    manifest.entries.forEach(({ name, type }, index) => {
      const stats = fs.lstatSync(path.join(second.workspace, name), { bigint: true });
      expect(rows.matches(index, stats), name).toBe(type === 0);
    });
  });

  test('matches a file with several names, one of them in a new directory', requires(posix), async () => {
    const all = jobsOf();
    const first = all.job();
    await buildTree(first.workspace, {
      'tree/new/first': 'x',
      'tree/old/second': { hardlink: 'tree/new/first' },
    });
    await first.saveInFull('k-1');
    const second = all.job();
    // The second name is moved alone, and that shows on the first one
    await buildTree(second.workspace, { 'tree/old/there': 'before' });
    const { rows, manifest } = await recordLeft(second);
    const index = manifest.entries.findIndex(({ name }) => name === './tree/new/first');
    const stats = fs.lstatSync(path.join(second.workspace, 'tree/new/first'), { bigint: true });
    expect(stats.nlink).toBe(2n);
    expect(rows.matches(index, stats)).toBe(true);
  });
});

describe('a restore', () => {
  /** `store` where `change` happens right before a range that is not the first one is read. */
  function between(store: ObjectStore, change: () => Promise<void>): ObjectStore {
    let reads = 0;
    const changing: ObjectStore = Object.create(store);
    return Object.assign(changing, {
      counters: store.counters,
      kind: store.kind,
      head: store.head.bind(store),
      list: store.list.bind(store),
      async getRange(...given: Parameters<ObjectStore['getRange']>) {
        if (++reads === 2) await change();
        return store.getRange(...given);
      },
    });
  }

  test('starts over with the new object when its object is replaced', async () => {
    const all = jobsOf();
    const first = await saver(all, ballast as never);
    const replaced = all.job({
      store: between(all.store, async () => {
        fs.writeFileSync(path.join(first.workspace, 'tree/ballast/0'), 'another');
        await first.save('k-1', { overwrite: true, record: false });
      }),
    });
    expect(await replaced.restore('k-1')).toMatchObject({ exact: true });
    expect(await describeTree(replaced.workspace)).toEqual(await describeTree(first.workspace));
  });

  test('gives up when its object has been replaced three times, and writes nothing', async () => {
    const all = jobsOf();
    const first = await saver(all, ballast as never);
    const store: ObjectStore = between(all.store, async () => {});
    let found = 0;
    store.getRange = async (name, range, options) => {
      if (options?.etag === undefined) found++;
      else throw new ObjectReplacedError('replaced');
      return all.store.getRange(name, range, options);
    };
    const second = all.job({ store });
    expect(await second.restore('k-1')).toMatchObject({
      kind: 'failed',
      error: expect.any(ObjectReplacedError),
      treeChanged: false,
    });
    expect(found).toBe(3);
    expect(fs.readdirSync(second.workspace)).toEqual([]);
    expect(fs.readdirSync(first.workspace)).toEqual(['tree']);
  });

  test('reports an object without data as damaged, and this job may replace it', async () => {
    const all = jobsOf();
    const first = await saver(all, ballast as never);
    const name = first.objectName('k-1');
    const store = between(all.store, async () => {});
    store.getRange = async () => undefined;
    const second = all.job({ store });
    expect(await second.restore('k-1')).toMatchObject({
      rejected: [{ kind: 'damaged', error: expect.any(DamagedArchiveError), object: { name } }],
    });
    expect(fs.readdirSync(second.workspace)).toEqual([]);
    const again = all.job();
    await buildTree(again.workspace, { 'tree/a': 'again' });
    expect(await again.save('k-1', { recordsOf: second })).toMatchObject({ kind: 'saved' });
  });

  test('is a miss, not damaged, for an object that is listed and does not exist', async () => {
    const all = jobsOf();
    await saver(all, ballast as never);
    const store = between(all.store, async () => {});
    store.getRange = async () => undefined;
    store.head = async () => undefined;
    const second = all.job({ store });
    const outcome = await second.restore('k-1');
    expect(outcome).toMatchObject({ kind: 'miss' });
    expect(outcome).not.toHaveProperty('rejected');
    expect(fs.readdirSync(second.temp)).toEqual([]);
  });

  test('restores the next newest match in place of objects that are listed and do not exist', async () => {
    const all = jobsOf();
    const first = await saver(all, ballast as never);
    const newer = ['k-2', 'k-3'];
    for (const key of newer) await first.save(key, { record: false });
    const lost = new Set(newer.map(key => first.objectName(key)));
    const store = between(all.store, async () => {});
    const { getRange, head } = all.store;
    store.getRange = async (name, ...rest) =>
      lost.has(name) ? undefined : getRange.call(all.store, name, ...rest);
    store.head = async (name, ...rest) => (lost.has(name) ? undefined : head.call(all.store, name, ...rest));
    const second = all.job({ store });
    expect(await second.restore('k-9')).toMatchObject({ kind: 'hit', key: 'k-1' });
    expect(await describeTree(second.workspace)).toEqual(await describeTree(first.workspace));
  });

  test.each([
    ['', false],
    [', also with warm-restore', true],
  ])('refuses an object that was copied from another name%s', async (_, isWarm) => {
    const all = jobsOf();
    const first = await saver(all, ballast as never);
    const [from, to] = [first.objectName('k-1'), first.objectName('k-2')];
    const { sizeBytes } = (await all.store.head(from))!;
    await putObject(all.store, to, (await all.store.getRange(from, { start: 0, end: sizeBytes }))!.bytes, {
      onlyIfAbsent: true,
    });
    const workers = countWorkers();
    expect(await all.job().restore('k-2', { isWarm })).toMatchObject({
      rejected: [
        {
          kind: 'damaged',
          error: { name: 'DamagedArchiveError', message: expect.stringContaining(from) },
          object: { name: to },
        },
      ],
    });
    // Those of a warm restore had begun to start
    expect(countWorkers()).toBe(workers);
  });

  test('checks every frame of an incremental archive, also those of its base', async () => {
    const all = jobsOf();
    await saver(all, ballast as never);
    const second = all.job();
    await second.restore('none');
    fs.writeFileSync(path.join(second.workspace, 'tree/new'), 'new');
    expect(await second.save('k-2')).toMatchObject({ reusedBytes: expect.any(Number) });
    const store: ObjectStore = between(all.store, async () => {});
    store.getRange = async (name, range, options) => {
      const answer = await all.store.getRange(name, range, options);
      if (answer && 'start' in range) answer.bytes[1000]! ^= 1;
      return answer;
    };
    const reader = all.job({ store });
    expect(await reader.restore('k-2', { restoreKeys: [] })).toMatchObject({
      rejected: [
        {
          kind: 'damaged',
          error: { message: expect.stringContaining('the checksum of a frame is wrong') },
        },
      ],
    });
    expect(fs.readdirSync(reader.workspace)).toEqual([]);
  });

  /** Restores two files, one of 1 MiB and one of `holeBytes`, and returns the number of workers while it reads the data. */
  async function workersFor(holeBytes: number, isCrowded: boolean) {
    const all = jobsOf();
    const first = await saver(all, { 'tree/data': incompressible(MiB, 'data'), 'tree/hole': '' });
    fs.truncateSync(path.join(first.workspace, 'tree/hole'), holeBytes);
    await first.save('k-2');
    const [store, before] = [between(all.store, async () => {}), countWorkers()];
    let workers = 0;
    store.getRange = (...given) => {
      workers = Math.max(workers, countWorkers() - before);
      return all.store.getRange(...given);
    };
    const second = all.job({ store, isHostCrowded: () => isCrowded });
    expect(await second.restore('k-2')).toMatchObject({ kind: 'hit' });
    expect(await describeTree(second.workspace)).toEqual(await describeTree(first.workspace));
    return workers;
  }

  test('uses workers from 2 MiB of data on', async () => {
    expect(await workersFor(0.5 * MiB, false)).toBe(0);
    expect(await workersFor(1.5 * MiB, false)).toBe(1);
  });

  test('uses workers on a crowded host only from 128 MiB of data on', async () => {
    expect(await workersFor(126 * MiB, true)).toBe(0);
    expect(await workersFor(127.5 * MiB, true)).toBe(1);
  });
});

test('a restore that leaves out symlinks is a hit with a warning, after which the job saves nothing of these paths', async () => {
  const all = jobsOf();
  await saver(all, { 'tree/a': 'a', 'tree/link': { symlink: 'nowhere' } });
  usePlatform({ typesLinks: true });
  // As on Windows for a user without the right to create symlinks
  instead('symlinkSync', () => () => {
    throw failed('EPERM', 'link');
  });
  const reader = all.job();
  expect(await reader.restore('none')).toMatchObject({ kind: 'hit' });
  expect(reader.lines).toEqual([
    `warning: Symlinks not created, because this user may create none here: 1, first ${path.join(reader.workspace, 'tree', 'link')}; enable Developer Mode or give the runner the right to create symbolic links. This job saves nothing of these paths.`,
  ]);
  expect(
    new JobRecords(reader.temp, silentLog).isHalfRestored(layoutIn(reader.workspace).includedPaths),
  ).toBe(true);
});
