import { setImmediate } from 'node:timers/promises';
import type { Entry } from '../format/entry.ts';
import type { OpenArchive, ReadObject } from '../format/open-archive.ts';
import { validate } from '../format/validate.ts';
import type { PathLayout } from '../fs/layout.ts';
import type { StatusRows } from '../fs/status-rows.ts';
import { trimHeap } from '../memory/trim-heap.ts';
import type { JobRunner } from '../pool/worker-pool.ts';
import { commit } from '../publish/commit.ts';
import { Stage } from '../publish/stage.ts';
import type { StagedFiles } from '../publish/staged-paths.ts';
import { planTarget, type TargetPlan } from '../publish/target-plan.ts';
import { waitForLaterClock } from './file-clock.ts';
import { findUnchanged } from './find-unchanged.ts';
import { statusOfStaged, updateMoved } from './restored-status.ts';
import { unpack } from './unpack.ts';

export interface RestoreArchiveOptions {
  readonly archive: OpenArchive;
  /** Reads are aborted when the restore fails elsewhere. */
  readonly read: (start: number, end: number, signal: AbortSignal) => Promise<Uint8Array<ArrayBuffer>>;
  readonly layout: PathLayout;
  readonly runLabel: string;
  /** Closed here. */
  readonly runner: () => JobRunner;
  /** Aborted: nothing is published, staging is removed. */
  readonly signal?: AbortSignal | undefined;
  /** Leave alone what the disk has already, by type, size, mode and mtime. */
  readonly warm?: boolean;
  /** Note what the disk says of each file written, and let its clock go on, for an incremental save. */
  readonly keepStatus?: boolean;
  /** Staging of killed runs older than this many ms is removed; default a day. */
  readonly staleStagingMs?: number;
}

export interface RestoreSummary {
  readonly entries: number;
  /** Bytes of file data written. */
  readonly rawBytes: number;
  /** What the disk says of the files written; only with `keepStatus`, where there are any and its clock can be relied on. */
  readonly rows: StatusRows | undefined;
}

/**
 * Restores an archive, all or nothing: everything is fetched, checked and built in staging first, then published by
 * renames. When it throws before that, the tree is as it was.
 * Throws `DamagedArchiveError`, `TargetTreeError`, the signal's reason, and whatever `read` throws.
 */
export async function restoreArchive(options: RestoreArchiveOptions): Promise<RestoreSummary> {
  const { entries } = options.archive.manifest;
  const runner = options.runner();
  const { roots, current } = await prepare(options, runner);
  if (current?.every(Boolean)) {
    await runner.close();
    options.signal?.throwIfAborted();
    // It writes nothing, but staging that a killed restore has left above the roots goes all the same
    planTarget(roots, { ...options, isWanted: () => false });
    return { entries: entries.length, rawBytes: 0, rows: undefined };
  }
  const { plan, rawBytes, rows } = await build(options, runner, entry => current?.[entry] !== 1);
  await runner.close();
  commit(plan, entries);
  return { entries: entries.length, rawBytes, rows: rows && (await settled(rows, entries, plan)) };
}

/** What stands in staging, complete, for the commit. */
interface Built {
  readonly plan: TargetPlan;
  readonly rawBytes: number;
  /** As long as it stands in staging. */
  readonly rows: StatusRows | undefined;
}

/** Builds what is wanted in staging. When it throws, the runner is closed and staging is gone. */
async function build(
  options: RestoreArchiveOptions,
  runner: JobRunner,
  isWanted: (entry: number) => boolean,
): Promise<Built> {
  const { archive, layout, signal } = options;
  const { entries } = archive.manifest;
  const failure = new AbortController();
  const read: ReadObject = (start, end) => options.read(start, end, failure.signal);
  const staged = Promise.withResolvers<StagedFiles>();
  const onFailure = (error: unknown) => failure.abort(error);
  const unpacking = unpack({ archive, read, runner, isWanted, staged: staged.promise, onFailure });
  // It is awaited once the directories are there
  unpacking.catch(() => {});
  let stage: Stage | undefined;
  try {
    await requestsToLeave();
    const plan = planTarget(entries, { ...options, isWanted });
    stage = new Stage(plan, entries, layout);
    stage.open();
    trimHeap();
    staged.resolve(stage.files);
    const rawBytes = await unpacking;
    stage.addLinks();
    const rows = options.keepStatus ? statusOfStaged(entries, plan) : undefined;
    stage.finishDirectories();
    signal?.throwIfAborted();
    return { plan, rawBytes, rows };
  } catch (error) {
    staged.reject(error);
    failure.abort(error);
    // Nobody may be writing into the staging that goes
    await Promise.allSettled([unpacking, runner.close()]);
    stage?.discard();
    throw error;
  } finally {
    stage?.close();
  }
}

interface Preparation {
  /** Entries that stand in no directory of the archive. */
  readonly roots: readonly Entry[];
  /** 1 for each entry that the disk has already; undefined: nothing was looked at. */
  readonly current: Uint8Array | undefined;
}

/** Checks the archive, and tells what of it the disk has already, while the workers start. */
async function prepare(
  { archive, layout, warm }: RestoreArchiveOptions,
  runner: JobRunner,
): Promise<Preparation> {
  try {
    runner.start?.();
    const roots = validate(archive.manifest, archive.manifestStart, layout);
    const current = warm ? await findUnchanged(archive.manifest.entries, roots, layout, runner) : undefined;
    return { roots, current };
  } catch (error) {
    await runner.close();
    throw error;
  }
}

/** What the disk says now that all is published; undefined: it says nothing that a later look could rely on. */
async function settled(
  rows: StatusRows,
  entries: readonly Entry[],
  plan: TargetPlan,
): Promise<StatusRows | undefined> {
  try {
    updateMoved(rows, entries, plan);
    return (await waitForLaterClock(rows.latestChange(), plan)) ? rows : undefined;
  } catch {
    // The restore is done; another process may have taken something of it away already
    return undefined;
  }
}

/** The first requests are on the wire before this thread is busy with directories: a few turns of the event loop. */
async function requestsToLeave(): Promise<void> {
  for (let turn = 0; turn < 4; turn++) await setImmediate();
}
