import type { Readable } from 'node:stream';
import { release } from '../../../archive/memory/buffers.ts';
import { BodyTooLargeError } from '../../store-errors.ts';
import type { CallProgress } from '../calls/call.ts';
import type { Caller } from '../calls/caller.ts';
import { isStatus } from '../errors/response-error.ts';
import { bodyOf, md5Of, type Transport } from '../transport/transport.ts';

/** The pieces that were written for a part, in order. They are joined only when they are sent. */
export interface PartBytes {
  readonly pieces: readonly Uint8Array[];
  readonly sizeBytes: number;
}

/** The body of a request. Its bytes are in this thread, or in another one that sends the request. */
export interface PartBody {
  readonly sizeBytes: number;
  /** Returns a stream of the bytes. If another thread has them, the stream is empty and not read. */
  stream(progress: CallProgress): Readable;
  /** Returns the MD5 of the bytes in base64. Rejects with the signal's reason. */
  md5(signal?: AbortSignal): string | Promise<string>;
  /** Returns the function that sends a request in place of this thread's transport. */
  senderOf?(progress: CallProgress): Transport['send'];
  /** Frees the memory. */
  release(): void;
}

/** Makes a body from bytes in this thread. */
export function ownBody({ pieces, sizeBytes }: PartBytes): PartBody {
  return {
    sizeBytes,
    stream: progress => bodyOf(pieces, bytes => progress.countSent(bytes)),
    md5: () => md5Of(pieces, 'base64'),
    // Otherwise parts that wait for the garbage collector would take most of a save's memory
    release: () => pieces.filter(ownsMemory).forEach(release),
  };
}

/**
 * Returns whether the memory of a piece contains no other bytes in use, so that it may be freed or transferred. That is certain if
 * the piece takes at least half of it: `PartGatherer` copies the smaller side of a cut, and Buffers of Node's pool take less.
 */
export function ownsMemory(piece: Uint8Array): boolean {
  return 2 * piece.byteLength >= piece.buffer.byteLength;
}

/**
 * Sends a part or an object, with its MD5 if the server requires one: 400 InvalidRequest, "Content-MD5 OR x-amz-checksum- HTTP
 * header is required for Put Object requests with Object Lock parameters" (AWS and MinIO, a bucket with a default retention).
 * @param send sends the request with these additional parameters.
 * @throws BodyTooLargeError after a 413.
 */
export async function sendPart<T>(
  caller: Caller,
  body: Pick<PartBody, 'sizeBytes' | 'md5'>,
  send: (parameters: { readonly ContentMD5?: string }) => Promise<T>,
): Promise<T> {
  const { capabilities } = caller;
  const withMd5 = async () => send({ ContentMD5: await body.md5() });
  const { needsContentMd5 } = capabilities;
  try {
    return await (needsContentMd5 ? withMd5() : send({}));
  } catch (error) {
    if (isStatus(error, 413)) {
      capabilities.refusedBodyBytes = Math.min(capabilities.refusedBodyBytes, body.sizeBytes);
      throw new BodyTooLargeError(body.sizeBytes, { cause: error });
    }
    if (needsContentMd5 || !isStatus(error, 400)) throw error;
    if (!/content-md5|x-amz-checksum/i.test(error.quotedMessage)) throw error;
    capabilities.needsContentMd5 = true;
    return withMd5();
  }
}
