/** Trees that change while they are saved. */

import { join } from 'node:path';
import type { Job } from '../../../src/archive/messages/job.ts';
import { type PackJob, readMembers } from '../../../src/archive/messages/pack-job.ts';
import type { JobRunner } from '../../../src/archive/pool/worker-pool.ts';
import { InlineRunner } from '../../../src/archive/worker/worker.ts';
import { scratch } from '../../support/scratch.ts';
import { slashed } from '../../support/slashed.ts';
import { buildTree, describeTree, type TreeSpec } from '../../support/tree.ts';
import { layoutIn, packTree, restoreBytes } from '../support/archives.ts';

/**
 * Calls `act` right before a frame is read, after its files were scanned: the frame of this number, counted from 1, or the first
 * one with the file of this path.
 */
export function disturbedBefore(
  frame: number | string,
  act: () => void,
  inner: JobRunner = new InlineRunner(),
): JobRunner {
  let frames = 0;
  let isDone = false;
  const isIts = (job: PackJob) =>
    typeof frame === 'number'
      ? ++frames === frame
      : readMembers(job).some(({ path }) => slashed(path) === slashed(frame));
  const run = (job: Job) => {
    if (job.kind === 'pack' && !isDone && isIts(job)) {
      isDone = true;
      act();
    }
    return inner.run(job as PackJob);
  };
  return { width: 1, run: run as JobRunner['run'], close: () => inner.close() };
}

/** Fills a frame: an archive of one frame is packed without the runner. */
export const FILLER = Buffer.alloc(5 * 1024 * 1024);

/** Saves a tree and calls `change` after its scan. Returns the tree that a restore of the archive makes. */
export async function savedWhile(spec: TreeSpec, change: (tree: string) => void) {
  const from = await buildTree(scratch(), { 'tree/0': FILLER, ...spec });
  // The directory, the filler, and the entries of `spec`
  const runner = disturbedBefore(3, () => change(join(from, 'tree')));
  const { object, skipped } = await packTree(layoutIn(from), { runner });
  const to = scratch();
  await restoreBytes(object, layoutIn(to));
  return { found: await describeTree(to), now: await describeTree(from), skipped, from };
}
