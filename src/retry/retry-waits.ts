import { type Clock, sleep } from './clock.ts';

const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 2000;

/** The waits between the attempts of one call. */
export class RetryWaits {
  readonly #attempts: number;
  #failed = 0;

  /** @param attempts in all, 1 or more. */
  constructor(attempts: number) {
    this.#attempts = attempts;
  }

  /**
   * Returns the wait after a failed attempt, in ms: 250, 500, 1000, 2000, 2000, ... times 0.75 to 1.25. Returns undefined if it
   * was the last one.
   * @param madeProgress whether the attempt has got closer to the end. Then it is not counted, unless it was the last one.
   */
  next(madeProgress = false): number | undefined {
    const failed = this.#failed + 1;
    if (failed >= this.#attempts) return undefined;
    if (!madeProgress) this.#failed = failed;
    const waitMs = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (failed - 1));
    return Math.round(waitMs * (0.75 + Math.random() / 2));
  }
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
