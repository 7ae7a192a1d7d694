import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { BodyTooLargeError } from '../../store-errors.ts';
import type { CallProgress } from '../calls/call.ts';
import type { Caller } from '../calls/caller.ts';
import { messageOf } from '../errors/refused-response.ts';
import { isStatus } from '../errors/s3-errors.ts';

/** Bytes in the pieces in which they were written. They are joined only on the wire. */
export interface PartBytes {
  readonly pieces: readonly Uint8Array[];
  readonly sizeBytes: number;
}

/** Bytes that are passed to the socket at once. A larger slice would hide progress for a long time. */
const SLICE_BYTES = 256 * 1024;

/**
 * Makes the pieces the body of one request. A stream rather than one joined buffer: nothing is copied, and the signature
 * covers UNSIGNED-PAYLOAD instead of a SHA-256 over every byte in the main thread (frames carry their own).
 */
export function bodyOf(part: PartBytes, progress: CallProgress): Readable {
  return Readable.from(slicesOf(part, progress), { objectMode: false });
}

function* slicesOf({ pieces }: PartBytes, progress: CallProgress): Generator<Uint8Array> {
  for (const piece of pieces) {
    for (let at = 0; at < piece.length; at += SLICE_BYTES) {
      const slice = piece.subarray(at, at + SLICE_BYTES);
      yield slice;
      progress.sent(slice.length);
    }
  }
}

/** Returns the MD5 of a part in hexadecimal, which is the ETag of an object that is stored by one request unencrypted. */
export function md5Of(part: PartBytes, encoding: 'hex' | 'base64' = 'hex'): string {
  const hash = createHash('md5');
  for (const piece of part.pieces) hash.update(piece);
  return hash.digest(encoding);
}

/**
 * Sends a part, with its MD5 where the server requires one: 400 InvalidRequest, "Content-MD5 OR x-amz-checksum- HTTP header
 * is required for Put Object requests with Object Lock parameters" (AWS and MinIO, a bucket with a default retention).
 * @param send gets the parameters to add.
 * @throws BodyTooLargeError after a 413.
 */
export async function sendPart<T>(
  caller: Caller,
  part: PartBytes,
  send: (parameters: { readonly ContentMD5?: string }) => Promise<T>,
): Promise<T> {
  const { capabilities } = caller;
  const withMd5 = () => send({ ContentMD5: md5Of(part, 'base64') });
  const { needsContentMd5 } = capabilities;
  try {
    return await (needsContentMd5 ? withMd5() : send({}));
  } catch (error) {
    if (isStatus(error, 413)) {
      capabilities.refusedBodyBytes = Math.min(capabilities.refusedBodyBytes, part.sizeBytes);
      throw new BodyTooLargeError(part.sizeBytes, { cause: error });
    }
    if (needsContentMd5 || !isStatus(error, 400)) throw error;
    if (!/content-md5|x-amz-checksum/i.test(messageOf(error))) throw error;
    capabilities.needsContentMd5 = true;
    return withMd5();
  }
}
