import { type Clock, sleep } from './clock.ts';

const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 2000;

/**
 * Creates the function that returns the wait after a failed attempt of one call, in ms: 250, 500, 1000, 2000, 2000, ... times 0.75
 * to 1.25. It returns undefined after the last attempt. An attempt that has got closer to the end (`madeProgress`) is not counted,
 * unless it was the last one.
 * @param attempts in all, 1 or more.
 */
export function createRetryWaits(attempts: number): (madeProgress?: boolean) => number | undefined {
  let failed = 0;
  return (madeProgress = false) => {
    if (failed + 1 >= attempts) return undefined;
    const waitMs = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** failed);
    if (!madeProgress) failed++;
    return Math.round(waitMs * (0.75 + Math.random() / 2));
  };
}

/**
 * Calls `attempt` until it succeeds, and waits after each failure as many ms as `waitAfter` returns. Rejects with the failure
 * for which `waitAfter` returns undefined, or with the signal's reason.
 */
export async function retry<T>(
  attempt: () => Promise<T>,
  options: {
    readonly waitAfter: (error: unknown) => number | undefined;
    readonly clock: Clock;
    readonly signal: AbortSignal | undefined;
  },
): Promise<T> {
  const { waitAfter, clock, signal } = options;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      signal?.throwIfAborted();
      const waitMs = waitAfter(error);
      if (waitMs === undefined) throw error;
      await sleep(waitMs, clock, signal);
    }
  }
}
