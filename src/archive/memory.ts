/**
 * Memory outside V8's heap, handled by hand. The collector counts it, but too late and at a price: left to it, dozens of
 * frames wait to be freed, and each of them brings the next full collection of the whole heap closer.
 */

import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Below so many bytes of heap its garbage is left to V8. */
const HEAP_LEFT_ALONE_BYTES = 192 * 1024 * 1024;
/** A collection takes some ms for each MB that lives: only when about a third of the heap may be garbage. */
const WORTH_COLLECTING = 1.5;

let collect: ((options: object) => void) | undefined;
let livingBytes = 0;

/**
 * Has V8 collect a heap that has grown large, and give the memory back. Left alone it keeps half as much again as what
 * lives in it, for which a cache of some 100,000 entries has no use while its data is transferred (ADR 0009).
 */
export function trimHeap(): void {
  const total = getHeapStatistics().total_heap_size;
  if (total < Math.max(HEAP_LEFT_ALONE_BYTES, WORTH_COLLECTING * livingBytes)) return;
  collect ??= exposeCollector();
  collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
  livingBytes = getHeapStatistics().total_heap_size;
}

/** What `--expose-gc` gives to a program that is started with it. A runner starts actions with no flags at all. */
function exposeCollector(): (options: object) => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as (options: object) => void;
}

/** Gives a buffer's memory back at once. Nothing may use it, or anything else that shares its memory, afterwards. */
export function release(bytes: Uint8Array): void {
  if (bytes.buffer instanceof ArrayBuffer) bytes.buffer.transfer(0);
}

/** As `release`, for bytes that came from elsewhere: only where they are all that their memory holds. */
export function releaseOwned(bytes: Uint8Array): void {
  // A small Buffer is a part of Node's common pool
  if (bytes.byteLength === bytes.buffer.byteLength) release(bytes);
}

/**
 * The same bytes in memory of just their size: what is sent to another thread is counted there in full. `bytes` must
 * not be used afterwards.
 */
export function shrink(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  if (bytes.byteOffset > 0) return bytes.slice();
  return new Uint8Array(bytes.buffer.transfer(bytes.byteLength));
}
