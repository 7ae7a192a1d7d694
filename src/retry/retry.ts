import pRetry from 'p-retry';
import { isRetryable } from './classify.ts';
import { type Clock, sleep } from './clock.ts';

const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 2000;

/**
 * The wait after the n-th failed attempt in ms: 250, 500, 1000, 2000, 2000, ... times 0.75 to 1.25.
 * @param random a number from 0 to 1, as Math.random gives it.
 */
export function retryWaitMs(failedAttempts: number, random: number): number {
  const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (failedAttempts - 1));
  return Math.round(wait * (0.75 + random / 2));
}

export interface RetryOptions {
  /** Attempts in all, 1 or more. */
  readonly attempts: number;
  readonly clock: Clock;
  readonly signal?: AbortSignal | undefined;
  /** Whether the attempt that just failed got closer to the end: then it does not count against `attempts`. */
  readonly madeProgress?: (() => boolean) | undefined;
  /** Asked after a failure that could be retried: false ends it, although attempts are left. Default: true. */
  readonly goOn?: (error: Error) => boolean;
  /** Called before each wait. */
  readonly onRetry?: (error: Error, attempt: number, waitMs: number) => void;
  readonly random?: () => number;
}

/**
 * Calls `attempt` until it succeeds, fails for good, or has failed `attempts` times. Rejects with the last failure, or
 * with the signal's reason. `attempt` must itself end when the signal is aborted.
 */
export function retry<T>(attempt: (number: number) => Promise<T>, options: RetryOptions): Promise<T> {
  const { clock, signal, random = Math.random } = options;
  return pRetry(attempt, {
    retries: options.attempts - 1,
    // The wait is ours (below): p-retry knows no clock but the global one, and its jitter only ever lengthens.
    minTimeout: 0,
    ...(signal && { signal }),
    shouldConsumeRetry: () => !(options.madeProgress?.() ?? false),
    async shouldRetry({ error, attemptNumber, retriesConsumed }) {
      if (!isRetryable(error) || options.goOn?.(error) === false) return false;
      const waitMs = retryWaitMs(retriesConsumed + 1, random());
      options.onRetry?.(error, attemptNumber, waitMs);
      await sleep(waitMs, clock, signal);
      return true;
    },
  });
}
