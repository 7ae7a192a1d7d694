import { lstatSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { EntryType, inodeOf } from '../format/entry.ts';
import { attributesOf, setAttributes } from '../fs/attributes.ts';
import { lstatExact, realPathOf } from '../fs/file-status.ts';
import { ignoreErrors } from '../fs/ignore-errors.ts';
import { linkRow } from '../fs/links/restored-links.ts';
import { fsPath } from '../fs/paths/names.ts';
import type { StatusRows } from '../fs/status-rows.ts';
import type { TargetPlan } from '../publish/plan/target-plan.ts';
import type { StagingArea } from '../publish/staging/staging-area.ts';
import { forEachInTurns } from '../turns.ts';

/** Clocks that stamp files tick every 10 ms at the slowest; older file systems count whole seconds. */
const WAIT_MS = 1500;
const POLL_MS = 2;

/**
 * Completes the status of restored files in staging, which no other process changes: reads that of the files that were
 * written in slices or got links, which the workers do not know. Call it after the last change.
 */
export async function completeStatus(
  rows: StatusRows,
  { entries, staged }: TargetPlan,
  signal: AbortSignal | undefined,
): Promise<void> {
  const update = (index: number) => {
    const path = staged.at(index);
    const stats = path === '' ? undefined : lstatExact(path);
    if (stats) rows.set(index, stats);
  };
  await forEachInTurns(entries, signal, ({ type, linkTo }, index) => {
    if (type === EntryType.file && !rows.has(index)) update(index);
    else if (type === EntryType.hardLink && entries[linkTo]!.type === EntryType.file) update(linkTo);
  });
}

/** Returns the rows of restored symlinks in staging (`linkRow`). */
export async function linksInStaging(
  { entries, staged }: TargetPlan,
  signal: AbortSignal | undefined,
): Promise<readonly number[]> {
  const rows: number[] = [];
  await forEachInTurns(entries, signal, (entry, index) => {
    if (inodeOf(entry, entries).type !== EntryType.symlink || !staged.has(index)) return;
    rows.push(...linkRow(lstatSync(fsPath(staged.at(index)))));
  });
  return rows;
}

/**
 * Returns the rows of `completeStatus` as they are after the commit, when every later change to a file will show in its
 * status. Returns undefined if this is not certain.
 */
export async function statusAfterCommit(rows: StatusRows, plan: TargetPlan): Promise<StatusRows | undefined> {
  try {
    await updateRenamed(rows, plan);
  } catch {
    // The restore is complete, and another process may have removed files already
    return undefined;
  }
  return (await waitForLaterClock(rows.latestChange(), plan)) ? rows : undefined;
}

/** A file that was renamed by itself has a new change time. Its row is cleared if another job has replaced it. */
function updateRenamed(rows: StatusRows, { entries, moves }: TargetPlan): Promise<void> {
  return forEachInTurns(moves, undefined, ({ isTree, entry, to }) => {
    if (isTree || entry < 0) return;
    const stats = lstatExact(to);
    // The rename of a hard link changes the status of the file itself
    const { linkTo } = entries[entry]!;
    const file = linkTo >= 0 ? linkTo : entry;
    if (stats && rows.matchesRenamed(file, stats)) rows.set(file, stats);
    else rows.clear(entry);
  });
}

/**
 * Waits until every further change in the restored places gets a change time after `latestNs`, by the clock of each file
 * system (on a network mount, the server's). Returns false if one of them cannot be read or takes too long: then equal
 * change times would prove nothing.
 */
export async function waitForLaterClock(
  latestNs: bigint,
  plan: Pick<TargetPlan, 'areas' | 'moves'>,
): Promise<boolean> {
  const deadline = performance.now() + WAIT_MS;
  for (const area of plan.areas) {
    const directory = ownDirectory(area, plan);
    for (;;) {
      const now = directory === undefined ? undefined : touch(directory);
      if (now === undefined || performance.now() >= deadline) return false;
      if (now > latestNs) break;
      await setTimeout(POLL_MS);
    }
  }
  return true;
}

/** Returns a directory on the file system of `area` that this user may touch. */
function ownDirectory(area: StagingArea, { moves }: Pick<TargetPlan, 'moves'>): string | undefined {
  const published = moves.find(({ isTree, parent }) => isTree && parent.area === area);
  return [published?.to, area.parent].find(path => path !== undefined && touch(path) !== undefined);
}

/**
 * Sets the mode and time of a directory to what they are, and returns the time of this change in ns. Returns undefined
 * if the directory belongs to another user.
 */
function touch(directory: string): bigint | undefined {
  return ignoreErrors(() => {
    const path = realPathOf(directory);
    setAttributes(path, attributesOf(path));
    return lstatExact(path)?.ctimeNs;
  });
}
