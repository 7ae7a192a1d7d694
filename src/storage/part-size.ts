/** Bytes of a part: large enough that requests do not matter, small enough to keep several in memory. */
const DEFAULT_PART_BYTES = 8 * 1024 * 1024;
/** An object of up to two parts goes by one request: parts would take three more. */
const WHOLE_UP_TO_BYTES = 2 * DEFAULT_PART_BYTES;
/** S3's minimum for every part but the last, in bytes. */
export const MIN_PART_BYTES = 5 * 1024 * 1024;
/** A save holds several parts in memory (s3/parts-in-flight.ts). (S3 would take 5 GiB.) */
const MAX_PART_BYTES = 64 * 1024 * 1024;

/**
 * Part size in bytes. `wanted` is actions/cache's `upload-chunk-size`, as far as S3 and our memory allow it. Parts of
 * very large objects grow by themselves (s3/part-gatherer.ts).
 */
export function partSize(wanted: number | undefined): number {
  return Math.min(Math.max(wanted ?? DEFAULT_PART_BYTES, MIN_PART_BYTES), MAX_PART_BYTES);
}

/** Up to how many bytes an object goes by one request. Who names a size of parts gets parts of it. */
export function wholeUpTo(wanted: number | undefined): number {
  return wanted === undefined ? WHOLE_UP_TO_BYTES : partSize(wanted);
}
