/** Bytes of a part: large enough to need few requests, small enough to keep several in memory. */
const DEFAULT_PART_BYTES = 8 * 1024 * 1024;
/** Bytes up to which an object is stored by one request: two parts would take three requests more. */
const WHOLE_UP_TO_BYTES = 2 * DEFAULT_PART_BYTES;
/** S3's minimum for every part but the last, in bytes. */
export const MIN_PART_BYTES = 5 * 1024 * 1024;
/** Maximum part size, because a save keeps several in memory (s3/write/multipart/parts-in-flight.ts). S3's own limit is 5 GiB. */
const MAX_PART_BYTES = 64 * 1024 * 1024;

/**
 * Returns the part size in bytes: `wanted` is actions/cache's `upload-chunk-size`, limited by S3 and by memory. Parts of
 * very large objects grow by themselves (s3/write/multipart/part-gatherer.ts).
 */
export function partSize(wanted: number | undefined): number {
  return Math.min(Math.max(wanted ?? DEFAULT_PART_BYTES, MIN_PART_BYTES), MAX_PART_BYTES);
}

/** Returns the size in bytes up to which an object is stored by one request. A size of parts that the user sets is kept. */
export function wholeUpTo(wanted: number | undefined): number {
  return wanted === undefined ? WHOLE_UP_TO_BYTES : partSize(wanted);
}
