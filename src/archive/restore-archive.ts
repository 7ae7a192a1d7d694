import { setImmediate } from 'node:timers/promises';
import type { PathLayout } from './layout.ts';
import type { OpenArchive, ReadObject } from './open-archive.ts';
import { commit } from './publish/commit.ts';
import { Stage } from './publish/stage.ts';
import { planTarget, type TargetPlan } from './publish/target-plan.ts';
import { unpack } from './unpack.ts';
import { validate } from './validate.ts';
import type { JobRunner } from './worker-pool.ts';

export interface RestoreArchiveOptions {
  readonly archive: OpenArchive;
  readonly read: ReadObject;
  readonly layout: PathLayout;
  readonly runLabel: string;
  /** Made when the archive has been found good; closed here. */
  readonly runner: () => JobRunner;
  /** Aborted: nothing is published, staging is removed. */
  readonly signal?: AbortSignal | undefined;
  /** Staging of killed runs older than this many ms is removed; default a day. */
  readonly staleStagingMs?: number;
}

export interface RestoreSummary {
  readonly entries: number;
  /** Bytes of file data written. */
  readonly rawBytes: number;
}

/**
 * Restores an archive, all or nothing: everything is fetched, checked and built in staging first, then published by
 * renames. When it throws before that, the tree is as it was.
 * Throws `DamagedArchiveError`, `TargetTreeError`, the signal's reason, and whatever `read` throws.
 */
export async function restoreArchive(options: RestoreArchiveOptions): Promise<RestoreSummary> {
  const { archive, layout, signal } = options;
  const { entries } = archive.manifest;
  validate(archive.manifest, archive.manifestStart, layout);
  const runner = options.runner();
  const staged = Promise.withResolvers<readonly string[]>();
  const unpacking = unpack({ archive, read: options.read, runner, staged: staged.promise });
  // It is awaited once the directories are there
  unpacking.catch(() => {});
  let plan: TargetPlan | undefined;
  let stage: Stage | undefined;
  let rawBytes: number;
  try {
    await requestsToLeave();
    plan = planTarget(entries, options);
    stage = new Stage(plan, entries);
    stage.open();
    staged.resolve(plan.staged);
    rawBytes = await unpacking;
    stage.addLinks();
    stage.finishDirectories();
    signal?.throwIfAborted();
  } catch (error) {
    staged.reject(error);
    // Nobody may be writing into the staging that goes
    await Promise.allSettled([unpacking, runner.close()]);
    stage?.discard();
    throw error;
  } finally {
    stage?.close();
  }
  await runner.close();
  commit(plan, entries);
  return { entries: entries.length, rawBytes };
}

/** The first requests are on the wire before this thread is busy with directories: a few turns of the event loop. */
async function requestsToLeave(): Promise<void> {
  for (let turn = 0; turn < 4; turn++) await setImmediate();
}
