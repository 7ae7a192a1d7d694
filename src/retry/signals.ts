import type { Clock } from './clock.ts';
import { TimeoutError } from './time-limits.ts';

/** Functions that combine, delay and await abort signals. */

/** Returns a signal that aborts with a TimeoutError after `ms` milliseconds unless `clear` is called first. */
export function deadline(ms: number, clock: Clock): { readonly signal: AbortSignal; clear(): void } {
  const controller = new AbortController();
  const cancel = clock.after(ms, () =>
    controller.abort(new TimeoutError(`not finished within ${ms / 1000} s`)),
  );
  return { signal: controller.signal, clear: cancel };
}

/** Returns one signal that aborts when the first of several does. Returns undefined if none is given. */
export function anySignal(signal: AbortSignal, ...others: (AbortSignal | undefined)[]): AbortSignal;
export function anySignal(...signals: (AbortSignal | undefined)[]): AbortSignal | undefined;
export function anySignal(...signals: (AbortSignal | undefined)[]): AbortSignal | undefined {
  const given = signals.filter(signal => signal !== undefined);
  return given.length > 1 ? AbortSignal.any(given) : given[0];
}

/**
 * Returns a signal that aborts `ms` milliseconds after `signal`, with the same reason, so that running work can end by itself.
 * Call `clear` when the work has ended.
 */
export function delaySignal(
  signal: AbortSignal | undefined,
  ms: number,
  clock: Clock,
): { readonly signal: AbortSignal; clear(): void } {
  const controller = new AbortController();
  let cancel = () => {};
  const begin = () => {
    cancel = clock.after(ms, () => controller.abort(signal?.reason));
  };
  if (signal?.aborted) begin();
  else signal?.addEventListener('abort', begin, { once: true });
  return {
    signal: controller.signal,
    clear() {
      signal?.removeEventListener('abort', begin);
      cancel();
    },
  };
}

/**
 * Settles as `work` does, or rejects with the signal's reason as soon as the signal aborts. The work itself continues then, and
 * its outcome is ignored.
 */
export async function raceSignal<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work;
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => aborted.reject(signal.reason);
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([aborted.promise, work]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
