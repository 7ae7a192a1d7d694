import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const TRIM_ABOVE_BYTES = 192 * 1024 * 1024;
/** A collection takes 2 ms for each live MB: worth it when about a third of the heap may be garbage. */
const MIN_GROWTH = 1.5;

let collect: ((options: object) => void) | undefined;
let liveBytes = 0;

/**
 * Makes V8 collect the garbage of a heap over `aboveBytes` and return the memory to the system. By default V8 keeps half
 * as much again as the live objects take, which a cache of some 100,000 entries does not need during its transfer
 * (ADR 0011).
 */
export function trimHeap(aboveBytes = TRIM_ABOVE_BYTES): void {
  const total = getHeapStatistics().total_heap_size;
  if (total < Math.max(aboveBytes, MIN_GROWTH * liveBytes)) return;
  collectHeap();
}

/** Makes V8 collect all garbage of the heap. */
export function collectHeap(): void {
  collect ??= exposeCollector();
  collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
  liveBytes = getHeapStatistics().total_heap_size;
}

/** Returns the function that `--expose-gc` adds: a runner starts actions without flags. */
function exposeCollector(): (options: object) => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as (options: object) => void;
}
