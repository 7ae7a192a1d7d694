import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { UnusableArchiveError } from '../archive-errors.ts';

const MIB = 1024 * 1024;
const TRIM_ABOVE_BYTES = 192 * MIB;
/** Peak of the resident bytes above which a process is large. */
const LARGE_PROCESS_BYTES = 450e6;
/** Ratio of the heap to its live objects below which it is not trimmed: a collection takes 2 ms for each MB of these. */
const MIN_HEAP_RATIO = 1.5;
/** Share of the heap that must stay free: V8 ends the process when a part of its heap cannot grow. */
const RESERVE = 0.1;

let collect: ((options: object) => void) | undefined;
/** Size of the heap after the last collection. */
let liveBytes = 0;

/**
 * Makes V8 collect the garbage of a heap over `aboveBytes` and return the memory to the system. Without this, V8 keeps 1.5 times
 * the memory of the live objects, more than a cache of about 100,000 entries needs during its transfer (ADR 0011).
 * `aboveIfLargeBytes` is the limit for a process that has had over 450 MB in all.
 */
export function trimHeap(aboveBytes = TRIM_ABOVE_BYTES, aboveIfLargeBytes = aboveBytes): void {
  const total = getHeapStatistics().total_heap_size;
  if (total < Math.max(aboveIfLargeBytes, MIN_HEAP_RATIO * liveBytes)) return;
  if (total >= aboveBytes || isLargeProcess()) collectHeap();
}

function isLargeProcess(): boolean {
  // The peak, because the present size is in /proc/self/stat, which a container may hide
  return 1024 * process.resourceUsage().maxRSS > LARGE_PROCESS_BYTES;
}

/**
 * Throws `UnusableArchiveError` if the heap of this process has no room for `bytes` more: V8 would end the process. `what` is
 * the subject of the message, in the plural.
 */
export function requireHeap(bytes: number, what: string): void {
  if (hasHeap(bytes)) return;
  throw new UnusableArchiveError(
    `${what} need about ${Math.ceil(bytes / MIB)} MiB of memory, but Node.js has ${Math.floor(freeHeap() / MIB)} MiB on this machine`,
  );
}

/** Returns whether the heap of this process has room for `bytes` more: without it, V8 would end the process. */
export function hasHeap(bytes: number): boolean {
  if (bytes <= freeHeap()) return true;
  collectHeap();
  return bytes <= freeHeap();
}

function freeHeap(): number {
  const { heap_size_limit, used_heap_size } = getHeapStatistics();
  return Math.max(0, heap_size_limit * (1 - RESERVE) - used_heap_size);
}

function collectHeap(): void {
  exposeCollector();
  collect?.({ type: 'major', execution: 'sync', flavor: 'last-resort' });
  liveBytes = getHeapStatistics().total_heap_size;
}

/**
 * Gets the function that `--expose-gc` adds: a runner starts actions without flags. Call this before a thread starts, because
 * V8's flags must not change while threads run. While the flag is set, V8 compiles Node's modules again in each thread (16 ms).
 */
export function exposeCollector(): void {
  if (collect) return;
  setFlagsFromString('--expose-gc');
  collect = runInNewContext('gc') as typeof collect;
  setFlagsFromString('--no-expose-gc');
}
