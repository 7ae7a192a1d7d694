import { systemClock } from '../../retry/clock.ts';

/** Time in ms that a thread has to end. One that hangs in a call of the system, such as on a dead mount, ends only after it. */
const END_MS = 1000;

let stuck = 0;

/** Counts a thread that hangs in a call of the system, until it has `ended`: the process must end without waiting for it. */
export function countStuckThread(ended: Promise<unknown>): void {
  stuck++;
  void ended.finally(() => {
    stuck--;
  });
}

/** Resolves when work of other threads has `ended`, or hangs in a call of the system and is counted as stuck. */
export async function countIfStuck(ended: Promise<unknown>): Promise<void> {
  const late = Promise.withResolvers<void>();
  const cancel = systemClock.after(END_MS, () => {
    countStuckThread(ended);
    late.resolve();
  });
  await Promise.race([ended, late.promise]).finally(cancel);
}

export function hasStuckThread(): boolean {
  return stuck > 0;
}
