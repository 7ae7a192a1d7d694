/** This folder restores an archive, on the main thread: checks it, compares it with the disk, and fetches its frames. */

import { setImmediate } from 'node:timers/promises';
import { systemClock } from '../../retry/clock.ts';
import { delayed, unlessAborted } from '../../retry/signals.ts';
import { StagedFileError } from '../archive-errors.ts';
import { validate } from '../check/validate.ts';
import type { DiskCache } from '../disk-cache/disk-cache.ts';
import type { ContentHashes } from '../format/content-hashes.ts';
import type { Entry } from '../format/entry.ts';
import { RefusedAttributes, type RefusedCounts } from '../fs/refused-attributes.ts';
import type { StatusRows } from '../fs/status-rows.ts';
import { writeError } from '../fs/tree-errors.ts';
import { trimHeap } from '../memory/heap.ts';
import type { JobRunner } from '../pool/worker-pool.ts';
import { commit } from '../publish/commit/commit.ts';
import { type PlanOptions, planTarget } from '../publish/plan/plan-target.ts';
import { finalPathOf, type StagedFiles, type TargetPlan } from '../publish/plan/target-plan.ts';
import { Stage } from '../publish/stage.ts';
import { StagedLinks } from '../publish/staged-links.ts';
import type { RemainingStaging } from '../publish/staging/stale-staging.ts';
import { findUnchanged } from './find-unchanged.ts';
import { checkLiteralLinks } from './literal-links.ts';
import { RestoredFacts } from './restored-facts.ts';
import { completeStatus, linksInStaging, statusAfterCommit } from './restored-status.ts';
import { type UnpackOptions, unpack } from './unpack.ts';

/**
 * Time in ms that a commit gets after a signal: nearly all are complete by then, and a whole tree is worth more than a part of
 * one. The rest of the 4.5 s until the process ends is for what is left of staging.
 */
const COMMIT_GRACE_MS = 2500;

interface RestoreArchiveOptions
  extends Omit<PlanOptions, 'isWanted'>,
    Pick<UnpackOptions, 'archive' | 'read' | 'readInWorker'> {
  /** Frames are read from it, and stored in it. The caller closes it. */
  readonly diskCache?: DiskCache | undefined;
  /** Closed at the end. */
  readonly runner: JobRunner;
  /** When it is aborted before the commit, nothing is published and staging is removed. A commit gets 2.5 s more. */
  readonly signal?: AbortSignal | undefined;
  /** Called before the first change that a reader of the tree can see, with the rows of the new symlinks (`linkRow`). */
  readonly beforeCommit: (links: readonly number[]) => void;
  /** Skips entries that are unchanged on the disk by type, size, mode and mtime. */
  readonly warm: boolean;
  /**
   * Returns facts about each file written, for an incremental save: its status, or the hash of its content too. Default:
   * none.
   */
  readonly keep?: 'status' | 'content' | undefined;
  readonly notes: RestoreNotes;
}

/** Receives facts that a restore reports once and that do not fail it. */
export interface RestoreNotes {
  attributesRefused(counts: RefusedCounts): void;
  /** Paths of symlinks that were not created. */
  linksLeftOut(paths: readonly string[]): void;
  stagingRemains(remaining: readonly RemainingStaging[]): void;
}

export interface RestoreSummary {
  readonly entries: number;
  /** Bytes of file data written. */
  readonly rawBytes: number;
  /** With `keep`; undefined if a later change to a file could leave it with an equal status. */
  readonly facts: KeptFacts | undefined;
  /** Whether symlinks of the archive are missing on the disk. */
  readonly isPartial: boolean;
}

/** Facts about the files that a restore wrote. */
interface KeptFacts {
  readonly rows: StatusRows;
  readonly contents: ContentHashes | undefined;
}

/**
 * Restores an archive, all or nothing: everything is fetched, checked and built in staging first, then published by
 * renames. When it throws before that, the tree is as it was.
 * Throws `DamagedArchiveError`, `UnusableArchiveError`, `TargetTreeError`, the signal's reason and the errors of `read`.
 */
export async function restoreArchive(options: RestoreArchiveOptions): Promise<RestoreSummary> {
  const { entries } = options.archive.manifest;
  const { runner } = options;
  const { roots, unchanged } = await prepare(options);
  if (unchanged?.every(Boolean)) {
    await runner.close();
    options.signal?.throwIfAborted();
    // The plan writes nothing, but removes staging that a killed restore has left above the roots
    const plan = await planTarget(roots, { ...options, isWanted: () => false });
    options.notes.stagingRemains(plan.remainingStaging);
    return { entries: entries.length, rawBytes: 0, facts: undefined, isPartial: false };
  }
  const refused = new RefusedAttributes();
  const isWanted = (entry: number) => unchanged?.[entry] !== 1;
  const { plan, rawBytes, facts, links, leftOut } = await build(options, refused, isWanted);
  await runner.close();
  options.beforeCommit(links);
  const grace = delayed(options.signal, COMMIT_GRACE_MS, systemClock);
  const remaining = await commit(plan, options.layout, refused, grace.signal).finally(grace.clear);
  options.notes.stagingRemains(remaining);
  if (refused.hasAny) options.notes.attributesRefused(refused.counts);
  const isPartial = leftOut.length > 0;
  if (isPartial) options.notes.linksLeftOut(leftOut);
  const rows = facts && (await statusAfterCommit(facts.rows, plan));
  return {
    entries: entries.length,
    rawBytes,
    facts: rows && { rows, contents: facts.contents },
    isPartial,
  };
}

/** A restore that is complete in staging. */
interface Built {
  readonly plan: TargetPlan;
  readonly rawBytes: number;
  /** With the status in staging. */
  readonly facts: KeptFacts | undefined;
  readonly links: readonly number[];
  /** Paths of symlinks that are left out. */
  readonly leftOut: readonly string[];
}

/** Builds the wanted entries in staging. When it throws, the runner is closed and staging is removed. */
async function build(
  options: RestoreArchiveOptions,
  refused: RefusedAttributes,
  isWanted: (entry: number) => boolean,
): Promise<Built> {
  const { archive, runner, diskCache, layout, keep, signal } = options;
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
  // A thread that hangs in the directory ends no job
  const onHang = () => void runner.close();
  diskCache?.hangs.addEventListener('abort', onHang);
  let plan: TargetPlan | undefined;
  let stage: Stage | undefined;
  try {
    if (diskCache) await unlessAborted(Promise.race([begun.promise, unpacking]), signal);
    await sendRequests();
    plan = await planTarget(entries, { ...options, isWanted });
    options.notes.stagingRemains(plan.remainingStaging);
    stage = new Stage(plan, runner, refused);
    await stage.open(signal);
    trimHeap();
    staged.resolve(stage.files);
    const rawBytes = await unlessAborted(unpacking, signal);
    const leftOut = await new StagedLinks(plan, layout, refused, signal).make();
    if (facts) await completeStatus(facts.rows, plan, signal);
    const links = await linksInStaging(plan, signal);
    await stage.finishDirectories(signal);
    signal?.throwIfAborted();
    return { plan, rawBytes, facts, links, leftOut };
  } catch (error) {
    staged.reject(error);
    // No worker may write into staging while it is removed
    await Promise.allSettled([unpacking, runner.close()]);
    options.notes.stagingRemains((await stage?.discard()) ?? []);
    throw plan && error instanceof StagedFileError ? writeError(finalPathOf(error.path, plan), error) : error;
  } finally {
    diskCache?.hangs.removeEventListener('abort', onHang);
    stage?.close();
  }
}

interface Preparation {
  /** Entries that are in no directory of the archive. */
  readonly roots: readonly Entry[];
  /** 1 for each entry that is unchanged on the disk; undefined if the restore is not warm. */
  readonly unchanged: Uint8Array | undefined;
}

/** Checks the archive and compares it with the disk while the workers start. */
async function prepare(options: RestoreArchiveOptions): Promise<Preparation> {
  const { archive, layout, runner, warm, signal } = options;
  const { entries } = archive.manifest;
  try {
    runner.start?.();
    const roots = await validate(archive.manifest, archive.manifestStart, layout, signal);
    await checkLiteralLinks(entries, layout, signal);
    const unchanged = warm ? await findUnchanged(entries, roots, options, runner) : undefined;
    return { roots, unchanged };
  } catch (error) {
    await runner.close();
    throw error;
  }
}

/** Gives the event loop a few turns to send the first requests before this thread is busy with directories. */
async function sendRequests(): Promise<void> {
  for (let turn = 0; turn < 4; turn++) await setImmediate();
}
