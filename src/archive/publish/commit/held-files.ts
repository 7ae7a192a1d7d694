import { sleep, systemClock } from '../../../retry/clock.ts';
import { TargetTreeError } from '../../archive-errors.ts';
import { thisPlatform } from '../../fs/platform.ts';
import { IN_USE_WAITS_MS, isHeld } from '../../fs/rename.ts';
import { IN_USE_ADVICE, showPath } from '../../fs/tree-errors.ts';
import { forEachInTurns } from '../../turns.ts';
import type { TargetPlan } from '../plan/target-plan.ts';

/**
 * Waits for files that a commit will replace and that a process has open, so that they can be neither replaced nor moved, for
 * three seconds in all. Throws `TargetTreeError`, which names the first one, if some are open after that, and the signal's
 * reason. Such files exist only on Windows.
 */
export async function awaitReplaceable(plan: TargetPlan, signal: AbortSignal): Promise<void> {
  if (!thisPlatform.locksOpenFiles) return;
  const replaced = plan.moves.filter(({ isTree, isBlocked }) => !isTree || isBlocked);
  let held = await heldOf(
    replaced.map(({ to }) => to),
    signal,
  );
  for (const ms of IN_USE_WAITS_MS) {
    if (held.length === 0) return;
    await sleep(ms, systemClock, signal);
    held = await heldOf(held, signal);
  }
  if (held.length > 0) throw heldError(held);
}

async function heldOf(files: readonly string[], signal: AbortSignal): Promise<string[]> {
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
