import { sleep, systemClock } from '../../../retry/clock.ts';
import { TargetTreeError } from '../../archive-errors.ts';
import { thisPlatform } from '../../fs/platform.ts';
import { IN_USE_WAITS_MS, isHeld } from '../../fs/rename.ts';
import { IN_USE_ADVICE, showPath } from '../../fs/tree-errors.ts';
import { forEachInTurns } from '../../turns.ts';
import type { TargetPlan } from '../plan/target-plan.ts';

/**
 * Waits up to three seconds for processes to close the files that a commit will replace. Throws `TargetTreeError`, which names
 * one that is still open, and the signal's reason. Only Windows can neither replace nor move an open file.
 */
export async function awaitReplaceable(plan: TargetPlan, signal: AbortSignal): Promise<void> {
  if (!thisPlatform.locksOpenFiles) return;
  const replaced = plan.moves.filter(({ isTree, isBlocked }) => !isTree || isBlocked);
  let held = replaced.map(({ to }) => to);
  for (const ms of [0, ...IN_USE_WAITS_MS]) {
    if (ms > 0) await sleep(ms, systemClock, signal);
    held = await filterHeld(held, signal);
    if (held.length === 0) return;
  }
  throw heldError(held);
}

async function filterHeld(files: readonly string[], signal: AbortSignal): Promise<string[]> {
  const held: string[] = [];
  await forEachInTurns(files, signal, path => {
    if (isHeld(path)) held.push(path);
  });
  return held;
}

function heldError([first, ...others]: readonly string[]): TargetTreeError {
  const more = others.length > 0 ? `, nor can ${others.length} more` : '';
  return new TargetTreeError(
    `${showPath(first!)} cannot be replaced, because a process has it open${more}; ${IN_USE_ADVICE}`,
  );
}
