import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const TRIM_ABOVE_BYTES = 192 * 1024 * 1024;
/** Least ratio of the heap to its live part. A collection takes 2 ms for each live MB, so a third must be garbage. */
const MIN_HEAP_RATIO = 1.5;

let collect: ((options: object) => void) | undefined;
let liveBytes = 0;

/**
 * Makes V8 collect the garbage of a heap over `aboveBytes` and return the memory to the system. By default V8 keeps 1.5 times
 * the memory of the live objects, more than a cache of some 100,000 entries needs during its transfer (ADR 0011).
 */
export function trimHeap(aboveBytes = TRIM_ABOVE_BYTES): void {
  const total = getHeapStatistics().total_heap_size;
  if (total < Math.max(aboveBytes, MIN_HEAP_RATIO * liveBytes)) return;
  collectHeap();
}

/** Makes V8 collect all garbage of the heap. */
export function collectHeap(): void {
  exposeCollector();
  collect?.({ type: 'major', execution: 'sync', flavor: 'last-resort' });
  liveBytes = getHeapStatistics().total_heap_size;
}

/**
 * Gets the function that `--expose-gc` adds: a runner starts actions without flags. Called before a thread starts, because
 * V8's flags must not change while threads run. With the flag set, V8 would compile Node's modules anew in each thread (3 ms).
 */
export function exposeCollector(): void {
  if (collect) return;
  setFlagsFromString('--expose-gc');
  collect = runInNewContext('gc') as typeof collect;
  setFlagsFromString('--no-expose-gc');
}
