import type { ByteSpan } from '../../../object-store.ts';

/** Maximum bytes of one copy. A larger one would keep a request of the gateway busy for too long. */
const MAX_COPY_BYTES = 256 * 1024 * 1024;

/** Number of pieces that use the gateway fully, and the size below which one more request costs more than it saves. */
const WANTED_PIECES = 8;
const WANTED_COPY_BYTES = 32 * 1024 * 1024;

/**
 * Cuts a range to copy into pieces of 5 MiB to 256 MiB that the server copies in parallel.
 * The range has at least 5 MiB.
 */
export function copyRanges(range: ByteSpan): ByteSpan[] {
  const total = range.end - range.start;
  const wanted = Math.max(WANTED_COPY_BYTES, Math.min(MAX_COPY_BYTES, Math.ceil(total / WANTED_PIECES)));
  const count = Math.ceil(total / wanted);
  // Equal pieces: a short last one could fall under the minimum
  const size = Math.ceil(total / count);
  return Array.from({ length: count }, (_, index) => ({
    start: range.start + index * size,
    end: Math.min(range.end, range.start + (index + 1) * size),
  }));
}
