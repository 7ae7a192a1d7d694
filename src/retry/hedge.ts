import type { Clock } from './clock.ts';

/**
 * Calls `attempt`, and calls it once more if the first call has not settled within `afterMs` milliseconds, because a response
 * can be lost. Settles as the only call does, or resolves with the first success of the two. Rejects with the reason of the
 * first call if both fail. The signal of a call aborts with `signal`, and when the result of the call is not needed.
 */
export async function hedge<T>(
  attempt: (signal: AbortSignal) => Promise<T>,
  options: { readonly afterMs: number; readonly clock: Clock; readonly signal: AbortSignal },
): Promise<T> {
  const { afterMs, clock, signal } = options;
  const settled = new AbortController();
  const callSignal = AbortSignal.any([signal, settled.signal]);
  const late = Promise.withResolvers<boolean>();
  const cancel = clock.after(afterMs, () => late.resolve(true));
  try {
    const first = attempt(callSignal);
    if (!(await Promise.race([first.then(() => false), late.promise]))) return await first;
    const second = attempt(callSignal);
    return await Promise.any([first, second]).catch(() => first);
  } finally {
    cancel();
    settled.abort();
  }
}
