import type { PathLayout } from './layout.ts';
import type { OpenArchive, ReadObject } from './open-archive.ts';
import { commit } from './publish/commit.ts';
import { Stage } from './publish/stage.ts';
import { planTarget } from './publish/target-plan.ts';
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
  const plan = planTarget(entries, {
    layout,
    runLabel: options.runLabel,
    ...(options.staleStagingMs === undefined ? {} : { staleStagingMs: options.staleStagingMs }),
  });
  const stage = new Stage(plan, entries);
  const runner = options.runner();
  let rawBytes: number;
  try {
    stage.open();
    rawBytes = await unpack({ archive, read: options.read, runner, staged: plan.staged });
    stage.addLinks();
    stage.finishDirectories();
    signal?.throwIfAborted();
  } catch (error) {
    // The workers first: they may be writing into the staging that goes
    await runner.close();
    stage.discard();
    throw error;
  } finally {
    stage.close();
  }
  await runner.close();
  commit(plan, entries);
  return { entries: entries.length, rawBytes };
}
