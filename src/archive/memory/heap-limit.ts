import { getHeapStatistics } from 'node:v8';
import { UnusableArchiveError } from '../archive-errors.ts';
import { collectHeap } from './trim-heap.ts';

const MIB = 1024 * 1024;
/** The share of the heap that stays free: V8 ends the process when it cannot grow a space. */
const RESERVE = 0.1;

/**
 * Throws `UnusableArchiveError` if the heap of this process has no room for `bytes` more, where V8 would end the process.
 * `what` is the subject of the message, in the plural.
 */
export function requireHeap(bytes: number, what: string): void {
  if (bytes <= freeHeap()) return;
  collectHeap();
  const free = freeHeap();
  if (bytes <= free) return;
  throw new UnusableArchiveError(
    `${what} need about ${Math.ceil(bytes / MIB)} MiB of memory, but Node.js has ${Math.floor(free / MIB)} MiB on this machine`,
  );
}

function freeHeap(): number {
  const { heap_size_limit, used_heap_size } = getHeapStatistics();
  return Math.max(0, heap_size_limit * (1 - RESERVE) - used_heap_size);
}
