import { raceSignal } from '../../retry/signals.ts';
import { takeTurn } from '../turns.ts';

export interface Limits<T> {
  /** Maximum number of items in work at the same moment. */
  readonly limit: number;
  /** Maximum weight of these items together. */
  readonly budget: number;
  readonly weigh: (item: T) => number;
  /** Receives the first failure at once, so that the work in flight can be aborted. */
  readonly onFailure?: ((error: unknown) => void) | undefined;
}

/**
 * Runs `work` on all items in their order, within the limits; by default without a budget. Begins none after a failure, and
 * rejects with the first one, after all work in flight has ended.
 */
export async function forEachWithin<T>(
  items: readonly T[],
  { limit, budget = 0, weigh = () => 0, onFailure }: Pick<Limits<T>, 'limit'> & Partial<Limits<T>>,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const inFlight = new Set<Promise<void>>();
  let used = 0;
  let failure: { readonly error: unknown } | undefined;
  for (const item of items) {
    const weight = weigh(item);
    // One item alone may weigh more than the budget
    while (inFlight.size > 0 && (inFlight.size >= limit || used + weight > budget))
      await Promise.race(inFlight);
    if (failure) break;
    used += weight;
    const promise: Promise<void> = work(item)
      .catch(error => {
        if (failure) return;
        failure = { error };
        onFailure?.(error);
      })
      .finally(() => {
        used -= weight;
        inFlight.delete(promise);
      });
    inFlight.add(promise);
  }
  await Promise.all(inFlight);
  if (failure) throw failure.error;
}

/**
 * Runs `work` on each item, at most `limit` at the same moment, and yields the results in the items' order. Takes an item
 * from its source only when it starts to work on it, and none after a failure. When the consumer leaves early, results
 * and failures of the work in flight are dropped.
 */
export async function* mapInOrder<T, R>(
  items: Iterable<T> | AsyncIterable<T>,
  limit: number,
  work: (item: T) => Promise<R>,
): AsyncGenerator<R> {
  const inFlight: Promise<R>[] = [];
  let hasFailed = false;
  for await (const item of items) {
    const promise = work(item);
    // It may fail while an earlier one is awaited, or after the consumer has left
    promise.catch(() => {
      hasFailed = true;
    });
    inFlight.push(promise);
    if (inFlight.length >= limit) yield await inFlight.shift()!;
    if (hasFailed) break;
  }
  while (inFlight.length > 0) yield await inFlight.shift()!;
}

/**
 * Starts `work` on all items in their order, with a turn of the event loop after each, and waits for all of it. Rejects at once
 * with the first failure, or with the reason of an aborted `signal`. The other work may continue.
 */
export async function forEachAtOnce<T>(
  items: Iterable<T>,
  signal: AbortSignal | undefined,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const begun: Promise<void>[] = [];
  for (const item of items) {
    const promise = work(item);
    // It is awaited below, unless this loop ends early
    promise.catch(() => {});
    begun.push(promise);
    await takeTurn(signal);
  }
  await raceSignal(Promise.all(begun), signal);
}

/** Waits until all have ended, and then rejects with the error of the first one that has failed, so that no work continues. */
export async function awaitAll(work: readonly Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(work);
  const failed = results.find(result => result.status === 'rejected');
  if (failed) throw failed.reason;
}
