/** This folder restores an archive, on the main thread: checks it, compares it with the disk, and fetches its frames. */

import { setImmediate } from 'node:timers/promises';
import { systemClock } from '../../retry/clock.ts';
import { delaySignal, raceSignal } from '../../retry/signals.ts';
import { StagedFileError } from '../archive-errors.ts';
import { validate } from '../check/validate.ts';
import type { DiskCache } from '../disk-cache/disk-cache.ts';
import { RefusedAttributes } from '../fs/refused-attributes.ts';
import { writeError } from '../fs/tree-errors.ts';
import { trimHeap } from '../memory/heap.ts';
import type { JobRunner } from '../pool/worker-pool.ts';
import { commit } from '../publish/commit/commit.ts';
import { type PlanOptions, planTarget } from '../publish/plan/plan-target.ts';
import { finalPathOf, type StagedFiles, type TargetPlan } from '../publish/plan/target-plan.ts';
import { Stage } from '../publish/stage.ts';
import { StagedLinks } from '../publish/staged-links.ts';
import { findUnchanged } from './find-unchanged.ts';
import { checkLiteralLinks } from './literal-links.ts';
import type { RestoreNotices } from './restore-notices.ts';
import { RestoredFacts } from './restored-facts.ts';
import { completeStatus, updateAfterCommit } from './restored-status.ts';
import { type UnpackOptions, unpack } from './unpack.ts';

/**
 * Time in ms that a commit gets after a signal. Nearly all commits end in that time, and then the tree is complete. The rest of
 * the 4.5 s until the process ends is for the removal of staging.
 */
const COMMIT_GRACE_MS = 2500;

interface RestoreArchiveOptions
  extends Omit<PlanOptions, 'isWanted'>,
    Pick<UnpackOptions, 'archive' | 'read' | 'readInWorker' | 'onPlanned'> {
  /** Disk cache from which frames are read, and in which they are stored. The caller closes it. */
  readonly diskCache?: DiskCache | undefined;
  /** Runner of the jobs. It is closed at the end. */
  readonly runner: JobRunner;
  /** Signal that ends the restore. Before the commit, nothing is published then, and staging is removed. A commit gets 2.5 s more. */
  readonly signal?: AbortSignal | undefined;
  /** Receives the rows of the new symlinks (`linkRow`) before the first visible change of the tree. */
  readonly beforeCommit: (links: readonly number[]) => void;
  /** Whether entries that are unchanged on the disk are skipped (`findUnchanged`). */
  readonly isWarm: boolean;
  /** Facts about each written file for an incremental save: its status, or also the hash of its content. Default: none. */
  readonly keep?: 'status' | 'content' | undefined;
  readonly notices: RestoreNotices;
}

export interface RestoreSummary {
  readonly entries: number;
  /** Bytes of file data written. */
  readonly rawBytes: number;
  /** Facts about the files, only with `keep`. Undefined also if a later change to a file might not change its status. */
  readonly facts: Pick<RestoredFacts, 'rows' | 'contents'> | undefined;
  /** Whether symlinks of the archive are missing on the disk. */
  readonly isPartial: boolean;
}

/**
 * Restores an archive, all or nothing: everything is fetched, checked and built in staging first, and then published by renames.
 * If this throws before the first rename, the tree is unchanged.
 * Throws `DamagedArchiveError`, `UnusableArchiveError`, `TargetTreeError`, the signal's reason and the errors of `read`.
 */
export function restoreArchive(options: RestoreArchiveOptions): Promise<RestoreSummary> {
  return restore(options).finally(() => options.runner.close());
}

async function restore(options: RestoreArchiveOptions): Promise<RestoreSummary> {
  const { archive, layout, runner, notices, signal } = options;
  const { entries } = archive.manifest;
  // Its threads start while this one checks the archive
  runner.start?.();
  const roots = await validate(archive.manifest, archive.manifestStart, layout, signal);
  await checkLiteralLinks(entries, layout, signal);
  const unchanged = options.isWarm ? await findUnchanged(entries, roots, options, runner) : undefined;
  if (unchanged?.every(Boolean)) {
    signal?.throwIfAborted();
    // The plan writes nothing, but removes staging that a killed restore has left above the roots
    const plan = await planTarget(roots, { ...options, isWanted: () => false });
    notices.remaining.push(...plan.remainingStaging);
    return { entries: entries.length, rawBytes: 0, facts: undefined, isPartial: false };
  }
  const refused = new RefusedAttributes();
  const isWanted = (entry: number) => unchanged?.[entry] !== 1;
  const { plan, rawBytes, facts, links, leftOut } = await build(options, refused, isWanted);
  // The commit does not wait for the last check of the disk cache, which needs the workers. Without a disk cache they end here
  const limitKept = options.diskCache?.keepLimit(runner, signal);
  if (!limitKept) await runner.close();
  options.beforeCommit(links);
  const grace = delaySignal(signal, COMMIT_GRACE_MS, systemClock);
  notices.remaining.push(...(await commit(plan, layout, refused, grace.signal).finally(grace.clear)));
  notices.refused = refused.counts;
  notices.leftOut = leftOut;
  const rows = facts && (await updateAfterCommit(facts.rows, plan));
  await limitKept;
  return {
    entries: entries.length,
    rawBytes,
    facts: rows && { rows, contents: facts.contents },
    isPartial: leftOut.length > 0,
  };
}

/**
 * Builds the wanted entries in staging. Returns their plan, the bytes written, the facts about the files, the rows of the
 * symlinks, and the paths of symlinks that are left out. Removes staging before it throws.
 */
async function build(
  options: RestoreArchiveOptions,
  refused: RefusedAttributes,
  isWanted: (entry: number) => boolean,
) {
  const { archive, runner, diskCache, layout, keep, notices, signal } = options;
  const { entries } = archive.manifest;
  const facts = keep && new RestoredFacts(archive.manifest, keep === 'content');
  const staged = Promise.withResolvers<StagedFiles>();
  const begun = Promise.withResolvers<void>();
  const unpacking = unpack({
    ...options,
    refused,
    isWanted,
    disk: diskCache && { cache: diskCache, onBegun: begun.resolve },
    facts,
    staged: staged.promise,
  });
  // It is awaited after the directories are made
  unpacking.catch(() => {});
  // A thread that hangs in the directory never ends its job. If the directory has hung before, no job uses it
  const onHang = () => void runner.close();
  diskCache?.hangs.addEventListener('abort', onHang);
  let plan: TargetPlan | undefined;
  let stage: Stage | undefined;
  try {
    if (diskCache) await raceSignal(Promise.race([begun.promise, unpacking]), signal);
    // A few turns of the event loop send the first requests before this thread is busy with directories
    for (let turn = 0; turn < 4; turn++) await setImmediate();
    plan = await planTarget(entries, { ...options, isWanted });
    notices.remaining.push(...plan.remainingStaging);
    stage = new Stage(plan, runner, refused);
    await stage.open(signal);
    trimHeap();
    staged.resolve(stage.files);
    const rawBytes = await raceSignal(unpacking, signal);
    const { links, leftOut } = await new StagedLinks(plan, layout, refused, signal).make();
    if (facts) await completeStatus(facts.rows, plan, signal);
    await stage.finishDirectories(signal);
    signal?.throwIfAborted();
    return { plan, rawBytes, facts, links, leftOut };
  } catch (error) {
    staged.reject(error);
    // No worker may write into staging while it is removed
    await Promise.allSettled([unpacking, runner.close()]);
    notices.remaining.push(...((await stage?.discard()) ?? []));
    throw plan && error instanceof StagedFileError ? writeError(finalPathOf(error.path, plan), error) : error;
  } finally {
    diskCache?.hangs.removeEventListener('abort', onHang);
    stage?.close();
  }
}
