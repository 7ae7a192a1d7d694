import { ignoreErrors } from '../fs/ignore-errors.ts';
import { readSmallFile } from '../fs/small-file.ts';

/** Returns whether the threads of this host compete for its cores. Returns false on other systems than Linux. */
export function isHostCrowded(): boolean {
  return ignoreErrors(() => hasWaitedLong(readSmallFile('/proc/self/schedstat', 128))) ?? false;
}

/**
 * Returns whether a thread has waited for a core at least as long as it has run. It does if there are twice as many runnable
 * threads as cores. `schedstat` has the ns of the run, the ns of the wait, and a count (Documentation/scheduler/sched-stats.rst).
 * Returns false for any other text.
 */
export function hasWaitedLong(schedstat: string): boolean {
  const [, ran, waited] = /^(\d{1,19}) (\d{1,19}) \d{1,19}\n$/.exec(schedstat) ?? [];
  return Number(ran) > 0 && Number(waited) >= Number(ran);
}
