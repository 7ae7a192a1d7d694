import { MIN_PART_BYTES } from '../../part-size.ts';

/**
 * Abilities that not every S3 server or reverse proxy has (ADR 0019). Each is used until a response in this process shows that it
 * does not work, so a server that has all of them costs no further request.
 */
export class Capabilities {
  /** PutObject obeys `If-None-Match: *` and `If-Match`. If not, the object is checked before it, and the last writer wins. */
  conditionalPut = true;
  /** CompleteMultipartUpload takes `If-None-Match: *`. */
  conditionalComplete = true;
  /** The bucket keeps versions. radosgw 16.2.15 then ignores `If-None-Match` and always responds to `If-Match` with 412. */
  versioned = false;
  /** A suffix range that is longer than the object returns the whole object, as RFC 9110 (14.1.2) has it. */
  longSuffixRanges = true;
  /** HEAD is served, with the length of the object. */
  head = true;
  /** UploadPartCopy works. */
  copy = true;
  /** UploadPartCopy takes `x-amz-copy-source-if-match`. */
  conditionalCopy = true;
  /** PutObject and UploadPart are refused without `Content-MD5` (buckets with a default retention). */
  needsContentMd5 = false;
  /** Bytes of the smallest body that was refused as too large (413). */
  refusedBodyBytes = Number.POSITIVE_INFINITY;

  /** Returns the size of a body in bytes: `wanted`, or S3's minimum part size if a body of `wanted` bytes was refused. */
  fittingBytes(wanted: number): number {
    return wanted < this.refusedBodyBytes ? wanted : MIN_PART_BYTES;
  }
}
