import type { Clock } from './clock.ts';
import { TimeoutError } from './time-limits.ts';

/** Abort signals that come of others, and waiting no longer than one allows. */

/** A signal that aborts with a TimeoutError after `ms` milliseconds unless `clear` is called first. */
export function deadline(ms: number, clock: Clock): { readonly signal: AbortSignal; clear(): void } {
  const controller = new AbortController();
  const cancel = clock.after(ms, () =>
    controller.abort(new TimeoutError(`not finished within ${ms / 1000} s`)),
  );
  return { signal: controller.signal, clear: cancel };
}

/** One signal that aborts with the first of several; undefined when there is none. */
export function anySignal(...signals: (AbortSignal | undefined)[]): AbortSignal | undefined {
  const given = signals.filter(signal => signal !== undefined);
  return given.length > 1 ? AbortSignal.any(given) : given[0];
}

/**
 * A signal that follows `signal` after `ms` milliseconds, with its reason: what is under way then may still end by itself.
 * To be cleared when it has.
 */
export function delayed(
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
 * What `work` comes to, or the signal's reason as soon as it is aborted. The work itself goes on then, and what becomes of
 * it is nobody's.
 */
export async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
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
