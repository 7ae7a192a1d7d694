import { lstatSync, realpathSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { fsPath } from '../fs/names.ts';
import { applyAttributes, attributesOf } from '../publish/attributes.ts';
import type { StagingArea } from '../publish/staging-area.ts';
import type { TargetPlan } from '../publish/target-plan.ts';

/** The clocks that stamp files tick every 10 ms at the slowest; older file systems count whole seconds. */
const WAIT_MS = 1500;
const POLL_MS = 2;

/**
 * Waits until whatever changes where a restore has written gets a later change time than `latestNs`, by the clock of
 * each file system itself (on a network mount that is the server's).
 * false: that cannot be told for one of them, or takes too long; then equal change times would prove nothing.
 */
export async function waitForLaterClock(latestNs: bigint, plan: TargetPlan): Promise<boolean> {
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

/** A directory on the file system of `area` that is ours to touch. */
function ownDirectory(area: StagingArea, { moves }: TargetPlan): string | undefined {
  const published = moves.find(({ isTree, parent }) => isTree && parent.area === area);
  return [published?.to, area.parent].find(path => path !== undefined && touch(path) !== undefined);
}

/**
 * Gives a directory the mode and time that it has, and returns the time of this change in ns; undefined: the directory
 * is not ours.
 */
function touch(directory: string): bigint | undefined {
  try {
    const path = realpathSync(fsPath(directory));
    applyAttributes(path, attributesOf(path));
    return lstatSync(path, { bigint: true }).ctimeNs;
  } catch {
    return undefined;
  }
}
