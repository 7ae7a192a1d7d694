import { MIN_PART_BYTES } from '../../part-size.ts';

/**
 * Abilities that not every S3 server or reverse proxy has (ADR 0019). Each is used until a response in this process shows that it
 * does not work, so a server that has all of them needs no further request.
 */
export class Capabilities {
  /** Whether PutObject obeys `If-None-Match: *` and `If-Match`. If not, a check precedes it, and the last writer wins. */
  hasConditionalPut = true;
  /** Whether CompleteMultipartUpload accepts `If-None-Match: *`. */
  hasConditionalComplete = true;
  /** Whether the bucket keeps versions. radosgw 16.2.15 then ignores `If-None-Match` and responds to `If-Match` with 412. */
  versioned = false;
  /** Whether a suffix range that is longer than the object returns the whole object, as in RFC 9110 (14.1.2). */
  hasLongSuffixRanges = true;
  /** Whether HEAD is served, with the length of the object. */
  hasHead = true;
  /** Whether UploadPartCopy works. */
  hasCopy = true;
  /** Whether UploadPartCopy accepts `x-amz-copy-source-if-match`. */
  hasConditionalCopy = true;
  /** Whether PutObject and UploadPart are refused without `Content-MD5` (buckets with a default retention). */
  needsContentMd5 = false;
  /** Bytes of the smallest body that was refused as too large (413). */
  refusedBodyBytes = Number.POSITIVE_INFINITY;

  /** Notes the version in a response. With suspended versions it is `null`, which the next object or deletion replaces (AWS). */
  noteVersion(versionId: string | undefined): void {
    this.versioned ||= versionId !== undefined && versionId !== 'null';
  }

  /** Returns the size of a body in bytes: `wanted`, or S3's minimum part size if a body of `wanted` bytes was refused. */
  fittingBytes(wanted: number): number {
    return wanted < this.refusedBodyBytes ? wanted : MIN_PART_BYTES;
  }
}
