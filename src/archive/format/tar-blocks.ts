/** Bytes of a tar block (IEEE Std 1003.1, `pax`). */
export const BLOCK_BYTES = 512;

/** Bytes of the two zero blocks that end a tar stream. */
export const END_OF_ARCHIVE_BYTES = 2 * BLOCK_BYTES;

/** Bytes of a header with pax records: the header of the records, a block of records, the member's header. */
export const PAX_HEADER_BYTES = 3 * BLOCK_BYTES;

/** Bytes of the name field of a header. A longer name is in a pax record. */
export const NAME_BYTES = 100;

/** Returns the bytes of padding after `size` bytes of data. */
export function padding(size: number): number {
  return (BLOCK_BYTES - (size % BLOCK_BYTES)) % BLOCK_BYTES;
}

/** Returns `size` rounded up to whole blocks. */
export function padded(size: number): number {
  return size + padding(size);
}
