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
