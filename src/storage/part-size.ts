/** Bytes of a part unless more are needed: large enough that requests do not matter, small enough to keep in memory. */
const DEFAULT_PART_BYTES = 16 * 1024 * 1024;
/** S3: 5 MiB to 5 GiB a part, 10,000 parts. */
const MIN_PART_BYTES = 5 * 1024 * 1024;
const MAX_PART_BYTES = 512 * 1024 * 1024;
/** Leaves room below 10,000 for what an estimate missed. */
const PARTS = 9_000;

/**
 * Part size in bytes for an object of about `rawBytes` before compression. `wanted` is actions/cache's
 * `upload-chunk-size`, taken where S3 allows it.
 */
export function partSize(wanted: number | undefined, rawBytes: number): number {
  const least = Math.max(MIN_PART_BYTES, Math.ceil(rawBytes / PARTS));
  return Math.min(Math.max(wanted ?? DEFAULT_PART_BYTES, least), MAX_PART_BYTES);
}
