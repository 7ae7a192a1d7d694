import { existsSync, mkdirSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { DamagedArchiveError, UnusableArchiveError } from '../../../src/archive/archive-errors.ts';
import { DiskCache } from '../../../src/archive/disk-cache/disk-cache.ts';
import { type JobRunner, WorkerPool } from '../../../src/archive/pool/worker-pool.ts';
import { InlineRunner } from '../../../src/archive/worker/worker.ts';
import { birthTimes, posix, requires } from '../../support/platform-needs.ts';
import { incompressible } from '../../support/random.ts';
import { scratch } from '../../support/scratch.ts';
import { openWhole } from '../../support/tar/check-tar.ts';
import { buildTree, describeTree, type TreeSpec } from '../../support/tree.ts';
import { ageStaging } from '../support/age-staging.ts';
import {
  layoutIn,
  packTree,
  type RestoreObjectOptions,
  restoreBytes,
  WORKER_URL,
} from '../support/archives.ts';
import { bent, tree } from '../support/refuses.ts';

const archived: TreeSpec = {
  'tree/a': 'new a',
  'tree/big': incompressible(9 * 1024 * 1024, 'big'),
  'tree/fresh/directory/file': 'fresh',
  'tree/link': { symlink: 'a' },
  'tree/more': incompressible(5 * 1024 * 1024, 'more'),
  'tree/sealed/x': { content: 'new x', mode: 0o444 },
  'tree/sealed': { directory: true, mode: 0o555 },
  'tree/was-a-directory': 'file',
  'tree/was-a-file/inside': 'directory',
  'tree/z-last': 'z',
};

/** A tree with each kind of entry that a restore of `archived` changes, with times and modes. */
const present: TreeSpec = {
  'tree/a': { content: 'old a', mode: 0o640, mtime: 1_500_000_000_000_001 },
  'tree/extra': 'not in the archive',
  'tree/link': { symlink: 'elsewhere', mtime: 1_500_000_000_000_002 },
  'tree/sealed/x': { content: 'old x', mode: 0o400 },
  'tree/sealed': { directory: true, mode: 0o555, mtime: 1_500_000_000_000_003 },
  'tree/was-a-directory/inside': 'i',
  'tree/was-a-directory': { directory: true, mode: 0o700, mtime: 1_500_000_000_000_004 },
  'tree/was-a-file': 'f',
  tree: { directory: true, mode: 0o755, mtime: 1_500_000_000_000_005 },
};

let object: Buffer;
beforeEach(async () => {
  if (object) return;
  const from = await buildTree(scratch(), archived);
  object = (await packTree(layoutIn(from))).object;
});

/** Restores over `spec`, and expects `error` and an unchanged tree, including times and modes of directories. */
async function failsLeaving(
  spec: TreeSpec,
  bytes: Buffer,
  error: string | (new () => Error),
  options: RestoreObjectOptions = {},
): Promise<void> {
  const root = await buildTree(scratch(), spec);
  utimesSync(root, 1_400_000_000, 1_400_000_000);
  const before = await describeTree(root, { root: true });
  await expect(restoreBytes(bytes, layoutIn(root), options)).rejects.toThrow(error);
  expect(await describeTree(root, { root: true })).toEqual(before);
}

/** Flips one bit in the frame of this index, counted from the end if negative. */
async function corrupt(index: number): Promise<Buffer> {
  const { manifest } = await openWhole(object);
  const { frames } = manifest;
  expect(frames.length).toBeGreaterThan(4);
  const wanted = index < 0 ? frames.length + index : index;
  const start = frames.slice(0, wanted).reduce((sum, frame) => sum + frame.size, 0);
  const bytes = Buffer.from(object);
  bytes[start + Math.floor(frames[wanted]!.size / 2)]! ^= 1;
  return bytes;
}

const workers = { runner: () => new WorkerPool(WORKER_URL, 2) };
const trees: [string, TreeSpec][] = [
  ['a populated tree', present],
  ['an empty workspace', {}],
];

describe.each(trees)('a restore over %s changes nothing when', (_, spec) => {
  test.each([0, 1, -2, -1])('frame %i is corrupt', async index => {
    await failsLeaving(spec, await corrupt(index), DamagedArchiveError);
    await failsLeaving(spec, await corrupt(index), DamagedArchiveError, { ...workers, tailBytes: 4000 });
  });

  test('a read fails', async () => {
    class ConnectionLost extends Error {}
    let reads = 0;
    const onRead = () => {
      if (++reads === 2) throw new ConnectionLost();
    };
    await failsLeaving(spec, object, ConnectionLost, { ...workers, tailBytes: 4000, onRead });
  });

  test('the step is cancelled after the data has arrived', async () => {
    class Cancelled extends Error {}
    const controller = new AbortController();
    const onRead = () => controller.abort(new Cancelled());
    await failsLeaving(spec, object, Cancelled, {
      ...workers,
      tailBytes: 4000,
      onRead,
      signal: controller.signal,
    });
  });

  test('a worker thread exits', async () => {
    const broken = { runner: () => new WorkerPool(new URL('data:text/javascript,process.exit(3)'), 2) };
    await failsLeaving(spec, object, 'a worker thread ended with code 3', broken);
  });
});

test(
  'an archive with a path that is too long for this machine is unusable, and nothing is published',
  requires(posix),
  async () => {
    const from = await buildTree(scratch(), {
      [`tree/${'d'.repeat(250)}/${'e'.repeat(250)}/f`]: 'x',
      'tree/a': 'a',
    });
    const { object } = await packTree(layoutIn(from));
    // At this depth the archive's names are longer than the limit on a path
    const deep = join(scratch(), ...Array.from({ length: 15 }, () => 'p'.repeat(240)));
    mkdirSync(deep, { recursive: true });
    const layout = layoutIn(deep);
    await expect(restoreBytes(object, layout)).rejects.toThrow(UnusableArchiveError);
    expect(Object.keys(await describeTree(deep))).toEqual([]);
  },
);

test('a restore removes old staging of other runs and keeps new staging', async () => {
  const { object } = await packTree(layoutIn(await buildTree(scratch(), { 'tree/a': 'a' })));
  const to = await buildTree(scratch(), {
    'tree/.cache-s3-7-00000000-00000000/0/x': 'being written by another job',
    'tree/.cache-s3-1-00000000-00000000': 'a file of the user',
    'tree/.cache-s3-store/v1': 'a store of the user',
  });
  const old = join(to, 'tree/.cache-s3-6-00000000-11111111');
  await buildTree(old, {
    '0/sealed/x': { content: 'left behind', mode: 0o444 },
    '0/sealed': { directory: true, mode: 0o555 },
  });
  const yesterday = Date.now() / 1000 - 25 * 60 * 60;
  for (const path of [old, join(to, 'tree/.cache-s3-store')]) utimesSync(path, yesterday, yesterday);
  await restoreBytes(object, layoutIn(to));
  expect(Object.keys(await describeTree(to))).toEqual([
    'tree',
    'tree/.cache-s3-1-00000000-00000000',
    'tree/.cache-s3-7-00000000-00000000',
    'tree/.cache-s3-7-00000000-00000000/0',
    'tree/.cache-s3-7-00000000-00000000/0/x',
    'tree/.cache-s3-store',
    'tree/.cache-s3-store/v1',
    'tree/a',
  ]);
});

test('a failed restore that removed old staging restores the times of the directory', async () => {
  const bytes = await corrupt(-1);
  const root = await buildTree(scratch(), present);
  const before = await describeTree(root);
  await buildTree(join(root, 'tree/.cache-s3-6-00000000-11111111'), { x: 'left behind' });
  utimesSync(join(root, 'tree'), 1_500_000_000, 1_500_000_000.000005_5);
  expect((await describeTree(root)).tree).toEqual(before.tree);
  ageStaging(root);
  const attempt = restoreBytes(bytes, layoutIn(root));
  await expect(attempt).rejects.toThrow(DamagedArchiveError);
  expect(await describeTree(root)).toEqual(before);
});

test('an archive with a component that is too long for this machine is unusable, and nothing is published', async () => {
  const object = bent(tree({ name: 'a', data: 'new' }, { name: 'n'.repeat(256), data: 'x' }));
  await failsLeaving({ 'tree/a': 'old' }, object, UnusableArchiveError);
  const directory = bent(tree({ name: 'a', data: 'new' }, { name: `${'n'.repeat(256)}/` }));
  await failsLeaving({ 'tree/a': 'old' }, directory, UnusableArchiveError);
});

test('a restore removes staging above its root, left by a run that was killed before the root existed', async () => {
  const from = await buildTree(scratch(), { 'a/b/tree/x': 'x' });
  const patterns = ['a/b/tree'];
  const { object } = await packTree(layoutIn(from, patterns));
  const to = await buildTree(scratch(), {
    'a/b/tree/x': 'old',
    'a/b/.cache-s3-1-00000000-00000000/0/x': 'left behind',
    'a/.cache-s3-2-00000000-00000000/0/x': 'left behind',
    '.cache-s3-3-00000000-00000000/0/x': 'left behind',
  });
  ageStaging(to);
  await restoreBytes(object, layoutIn(to, patterns));
  expect(await describeTree(to, { ignoreMtime: name => name === 'a' || name === 'a/b' })).toEqual(
    await describeTree(from, { ignoreMtime: name => name === 'a' || name === 'a/b' }),
  );
});

test(
  'a restore does not wait for the check of the disk cache before it publishes',
  requires(birthTimes),
  async () => {
    const to = scratch();
    const diskCache = new DiskCache({ directory: scratch(), maxBytes: 1e9, onProblem: expect.fail });
    onTestFinished(() => diskCache.close());
    const inline = new InlineRunner();
    const evict = vi.fn(async () => {
      await vi.waitFor(() => expect(existsSync(join(to, 'tree/a'))).toBe(true), 5000);
      return { isKept: true };
    });
    const runner: JobRunner = {
      width: 1,
      run: job => (job.kind === 'evict' ? evict() : inline.run(job)) as never,
      close: () => inline.close(),
    };
    await restoreBytes(object, layoutIn(to), { runner: () => runner, diskCache });
    expect(evict).toHaveBeenCalledTimes(1);
    await expect(evict.mock.results[0]!.value).resolves.toEqual({ isKept: true });
  },
);
