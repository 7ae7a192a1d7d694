/** Tar stands in blocks of this many bytes (IEEE Std 1003.1, `pax`). */
export const BLOCK_BYTES = 512;

/** The two zero blocks that end a tar stream (GNU tar reads on until it has seen both). */
export const END_OF_ARCHIVE_BYTES = 2 * BLOCK_BYTES;

/** The header of a member that has pax records too: their own header, a block of them, and the header. */
export const PAX_HEADER_BYTES = 3 * BLOCK_BYTES;

/** Bytes of padding after `size` bytes of data. */
export function padding(size: number): number {
  return (BLOCK_BYTES - (size % BLOCK_BYTES)) % BLOCK_BYTES;
}

/** `size` bytes and the padding after them. */
export function padded(size: number): number {
  return size + padding(size);
}
