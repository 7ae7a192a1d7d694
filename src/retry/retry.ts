import pRetry from 'p-retry';
import { type Clock, sleep } from './clock.ts';

const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 2000;

/**
 * Returns the wait after the n-th failed attempt in ms: 250, 500, 1000, 2000, 2000, ... times 0.75 to 1.25.
 * @param random a number from 0 to 1, as Math.random returns it.
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
  /** Whether another attempt can succeed after this failure. */
  readonly isRetryable: (error: Error) => boolean;
  /** Called before each wait. */
  readonly onRetry?: (error: Error, attempt: number, waitMs: number) => void;
}

/**
 * Calls `attempt` until it succeeds, fails for good, or has failed `attempts` times. Rejects with the last failure, or
 * with the signal's reason. `attempt` must itself end when the signal is aborted.
 */
export function retry<T>(attempt: (number: number) => Promise<T>, options: RetryOptions): Promise<T> {
  const { clock, signal } = options;
  return pRetry(attempt, {
    retries: options.attempts - 1,
    // The waits are our own (below): p-retry uses the global clock only, and its jitter can only lengthen a wait
    minTimeout: 0,
    ...(signal && { signal }),
    shouldConsumeRetry: () => !(options.madeProgress?.() ?? false),
    async shouldRetry({ error, attemptNumber, retriesConsumed }) {
      if (!options.isRetryable(error)) return false;
      const waitMs = retryWaitMs(retriesConsumed + 1, Math.random());
      options.onRetry?.(error, attemptNumber, waitMs);
      await sleep(waitMs, clock, signal);
      return true;
    },
  });
}
