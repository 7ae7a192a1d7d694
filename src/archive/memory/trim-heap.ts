import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const HEAP_LEFT_ALONE_BYTES = 192 * 1024 * 1024;
/** A collection takes 2 ms for each MB that lives: only when about a third of the heap may be garbage. */
const WORTH_COLLECTING = 1.5;

let collect: ((options: object) => void) | undefined;
let livingBytes = 0;

/**
 * Has V8 collect a heap that has grown large, and give the memory back. Left alone it keeps half as much again as what
 * lives in it, for which a cache of some 100,000 entries has no use while its data is transferred (ADR 0011).
 * Below `leftAloneBytes` of heap its garbage is V8's.
 */
export function trimHeap(leftAloneBytes = HEAP_LEFT_ALONE_BYTES): void {
  const total = getHeapStatistics().total_heap_size;
  if (total < Math.max(leftAloneBytes, WORTH_COLLECTING * livingBytes)) return;
  collect ??= exposeCollector();
  collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
  livingBytes = getHeapStatistics().total_heap_size;
}

/** What `--expose-gc` gives to a program that is started with it. A runner starts actions with no flags at all. */
function exposeCollector(): (options: object) => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as (options: object) => void;
}
