import { setTimeout } from 'node:timers/promises';
import { EntryType } from '../format/entry.ts';
import { attributesOf, setAttributes } from '../fs/attributes.ts';
import { lstatExact, realPathOf } from '../fs/file-status.ts';
import { ignoreErrors } from '../fs/ignore-errors.ts';
import type { StatusRows } from '../fs/status-rows.ts';
import type { TargetPlan } from '../publish/plan/target-plan.ts';
import { forEachInTurns } from '../turns.ts';

/** Longest wait in ms for a file system's clock. The slowest ones tick every 10 ms, and older file systems count whole seconds. */
const WAIT_MS = 1500;
const POLL_MS = 2;

/**
 * Reads the status that the workers have not reported, of files that were written in slices or got links. Call this after the
 * last change in staging, which no other process changes. Throws the signal's reason and the system's errors.
 */
export async function completeStatus(
  rows: StatusRows,
  { entries, staged }: TargetPlan,
  signal: AbortSignal | undefined,
): Promise<void> {
  await forEachInTurns(entries, signal, ({ linkTo }, index) => {
    const file = linkTo < 0 ? index : linkTo;
    // A link changes the status of its file, which is read again
    const isKnown = linkTo < 0 && rows.has(index);
    if (isKnown || entries[file]!.type !== EntryType.file || !staged.has(file)) return;
    const stats = lstatExact(staged.at(file));
    if (stats) rows.set(file, stats);
  });
}

/**
 * Updates the rows after the commit, and waits until every later change to a file will change its status. Returns undefined if
 * that is not certain.
 */
export async function updateAfterCommit(rows: StatusRows, plan: TargetPlan): Promise<StatusRows | undefined> {
  try {
    await updateRenamed(rows, plan);
  } catch {
    // The restore is complete. Another process may have removed files since then
    return undefined;
  }
  return (await waitForLaterClock(rows.latestChange(), plan)) ? rows : undefined;
}

/** Reads the change times of files that were renamed one by one. Clears the row of a file that another job has replaced. */
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
 * Waits until every later change in the restored directories gets a change time after `latestNs`, by the clock of each file
 * system (on a network mount, the server's). Returns false if a clock cannot be read or takes too long: then a file with an equal
 * change time may have changed.
 */
export async function waitForLaterClock(
  latestNs: bigint,
  plan: Pick<TargetPlan, 'areas' | 'moves'>,
): Promise<boolean> {
  const deadline = performance.now() + WAIT_MS;
  for (const area of plan.areas) {
    const published = plan.moves.find(({ isTree, parent }) => isTree && parent.area === area);
    for (;;) {
      // Touches a directory on the file system of the area that this user may change
      const now = (published && touch(published.to)) ?? touch(area.parent);
      if (now === undefined || performance.now() >= deadline) return false;
      if (now > latestNs) break;
      await setTimeout(POLL_MS);
    }
  }
  return true;
}

/**
 * Sets the mode and time of a directory to their present values. Returns the time of this change in ns. Returns undefined if the
 * directory belongs to another user.
 */
function touch(directory: string): bigint | undefined {
  return ignoreErrors(() => {
    const path = realPathOf(directory);
    setAttributes(path, attributesOf(path));
    return lstatExact(path)?.ctimeNs;
  });
}
