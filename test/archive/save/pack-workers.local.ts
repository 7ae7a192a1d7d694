import { expect, test } from 'vitest';
import { FRAME_RAW_BYTES } from '../../../src/archive/format/container.ts';
import type { Job } from '../../../src/archive/messages/job.ts';
import type { PackJob } from '../../../src/archive/messages/pack-job.ts';
import type { JobRunner } from '../../../src/archive/pool/worker-pool.ts';
import type { CompressionLevel } from '../../../src/archive/save/compression-levels.ts';
import { pack } from '../../../src/archive/save/pack.ts';
import { SaveNotices } from '../../../src/archive/scan/save-notices.ts';
import { InlineRunner } from '../../../src/archive/worker/worker.ts';
import { incompressible } from '../../support/random.ts';
import { scratch } from '../../support/scratch.ts';
import { MiB } from '../../support/sizes.ts';
import { checkTar } from '../../support/tar/check-tar.ts';
import { buildTree, describeTree, type TreeSpec } from '../../support/tree.ts';
import { HEAD, layoutIn, restoreBytes } from '../support/archives.ts';
import { savedTree } from './saved-tree.ts';

interface PackedOptions {
  readonly level?: CompressionLevel;
  readonly queueFill?: number;
  readonly isCrowded?: boolean;
  /** Called before each write, with whether a pool of workers is open. */
  readonly onWrite?: (isPoolOpen: boolean) => void;
}

/** Makes runners, and records them and their jobs. */
function recordedRunners() {
  const runners: { jobs: number; closed: boolean }[] = [];
  const runner = (): JobRunner => {
    const inner = new InlineRunner();
    const made = { jobs: 0, closed: false };
    runners.push(made);
    const run = (job: Job) => {
      made.jobs++;
      return inner.run(job as PackJob);
    };
    const close = async () => {
      made.closed = true;
    };
    return { width: 1, run: run as JobRunner['run'], close };
  };
  return { runners, runner };
}

/** Packs a tree, and records the runners. */
async function packed(
  spec: TreeSpec,
  { level = 3, queueFill = 0, isCrowded = false, onWrite = () => {} }: PackedOptions = {},
) {
  const layout = layoutIn(await buildTree(scratch(), spec));
  const { runners, runner } = recordedRunners();
  const pieces: Uint8Array[] = [];
  const summary = pack({
    layout,
    roots: await layout.roots(),
    head: HEAD,
    level,
    runner,
    isHostCrowded: () => isCrowded,
    notices: new SaveNotices(),
    output: {
      queueFill,
      async write(bytes) {
        onWrite(runners.some(({ closed }) => !closed));
        pieces.push(Uint8Array.from(bytes));
      },
    },
  });
  return { summary, runners, object: () => Buffer.concat(pieces) };
}

test('a save raises the level of frames that find the queue full, and keeps a level that is set', async () => {
  const spec = { 'tree/zeros': new Uint8Array(40 * MiB) };
  const full = await packed(spec, { level: 'auto', queueFill: 1 });
  expect((await full.summary)?.levels).toEqual([
    { level: 3, frames: 7 },
    { level: 4, frames: 4 },
  ]);
  const empty = await packed(spec, { level: 'auto' });
  expect((await empty.summary)?.levels).toEqual([{ level: 3, frames: 11 }]);
  const set = await packed(spec, { level: 5, queueFill: 1 });
  expect((await set.summary)?.levels).toEqual([{ level: 5, frames: 11 }]);
});

test('a tree of one frame is packed without workers', async () => {
  const spec = { 'tree/a': 'a'.repeat(1000), 'tree/b': incompressible(FRAME_RAW_BYTES / 2) };
  const { summary, runners, object } = await packed(spec);
  expect(await summary).toMatchObject({ entries: 3 });
  expect(runners).toEqual([]);
  await checkTar(object(), { full: true });
  const to = scratch();
  await restoreBytes(object(), layoutIn(to));
  expect(await describeTree(to)).toMatchObject({ 'tree/a': { type: 'file' }, 'tree/b': { type: 'file' } });
});

test.each([
  [1000, 0],
  [1_000_000, 1],
])('at level 19, %i bytes are packed with %i pools of workers', async (bytes, sets) => {
  const { summary, runners } = await packed({ 'tree/a': Buffer.alloc(bytes) }, { level: 19 });
  expect(await summary).toMatchObject({ rawBytes: bytes });
  expect(runners).toHaveLength(sets);
});

test('a tree of several frames is packed by one pool, which is closed', async () => {
  const spec = {
    'tree/a': incompressible(FRAME_RAW_BYTES, 'a'),
    'tree/b': incompressible(FRAME_RAW_BYTES, 'b'),
  };
  const { summary, runners } = await packed(spec);
  expect(await summary).toMatchObject({ entries: 3 });
  // The directory, and each file
  expect(runners).toEqual([{ jobs: 3, closed: true }]);
});

test('the pool is closed before the manifest is built', async () => {
  const isOpenAt: boolean[] = [];
  const spec = { 'tree/a': incompressible(2 * FRAME_RAW_BYTES) };
  const { summary } = await packed(spec, { onWrite: isOpen => isOpenAt.push(isOpen) });
  await summary;
  // Two frames; then the end of the tar archive, the manifest and the seek table
  expect(isOpenAt).toEqual([true, true, false, false, false]);
});

test('on a crowded host, workers pack only what follows 32 frames', async () => {
  const atOnce = await packed({ 'tree/zeros': new Uint8Array(120 * MiB) }, { isCrowded: true });
  expect(await atOnce.summary).toMatchObject({ rawBytes: 120 * MiB });
  expect(atOnce.runners).toEqual([{ jobs: 0, closed: true }]);
  const spec = { 'tree/zeros': new Uint8Array(130 * MiB), 'tree/zz': 'z' };
  const later = await packed(spec, { isCrowded: true });
  expect(await later.summary).toMatchObject({ rawBytes: 130 * MiB + 1 });
  // Of 35 frames: the directory, 33 slices and the last file
  expect(later.runners).toEqual([{ jobs: 3, closed: true }]);
  await checkTar(later.object(), { full: true });
});

test('on a crowded host, workers pack all frames of an incremental save', async () => {
  const { base, options, copy, change } = await savedTree();
  copy.resolve();
  change('tree/zz', incompressible(FRAME_RAW_BYTES));
  const { runners, runner } = recordedRunners();
  const summary = await pack({ ...options, base, level: 3, runner, isHostCrowded: () => true });
  expect(summary?.reusedBytes).toBeGreaterThan(0);
  // The directory, and the new file
  expect(runners).toEqual([{ jobs: 2, closed: true }]);
});

test('above level 9, workers pack all frames on a crowded host too', async () => {
  const spec = { 'tree/zeros': new Uint8Array(10 * MiB) };
  const { summary, runners } = await packed(spec, { level: 10, isCrowded: true });
  expect(await summary).toMatchObject({ rawBytes: 10 * MiB });
  expect(runners).toEqual([{ jobs: 4, closed: true }]);
});

test('the pool is closed after a save that fails', async () => {
  const spec = {
    'tree/a': incompressible(FRAME_RAW_BYTES, 'a'),
    'tree/b': incompressible(FRAME_RAW_BYTES, 'b'),
  };
  const { summary, runners } = await packed(spec, {
    onWrite() {
      throw new Error('the bucket is full');
    },
  });
  await expect(summary).rejects.toThrow('the bucket is full');
  expect(runners).toMatchObject([{ closed: true }]);
});
