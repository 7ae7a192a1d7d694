import type { Readable } from 'node:stream';
import { release } from '../../../archive/memory/buffers.ts';
import { BodyTooLargeError } from '../../store-errors.ts';
import type { CallProgress } from '../calls/call.ts';
import type { Caller } from '../calls/caller.ts';
import { isStatus } from '../errors/response-error.ts';
import { bodyOf, md5Of, type Transport } from '../transport/transport.ts';

/** Bytes in the pieces in which they were written. They are joined only on the wire. */
export interface PartBytes {
  readonly pieces: readonly Uint8Array[];
  readonly sizeBytes: number;
}

/** The body of a request: bytes in this thread, or in another one that sends the request itself. */
export interface PartBody {
  readonly sizeBytes: number;
  /** Returns a stream of the bytes. It is empty, and not read, if another thread has them. */
  stream(progress: CallProgress): Readable;
  /** Returns the MD5 in base64. Rejects with the signal's reason. */
  md5(signal?: AbortSignal): string | Promise<string>;
  /** Returns the function that sends a request in the place of this thread's transport. */
  senderOf?(progress: CallProgress): Transport['send'];
  /** Frees the memory. */
  release(): void;
}

/** Makes a body of bytes in this thread. */
export function ownBody({ pieces, sizeBytes }: PartBytes): PartBody {
  return {
    sizeBytes,
    stream: progress => bodyOf(pieces, bytes => progress.sent(bytes)),
    md5: () => md5Of(pieces, 'base64'),
    // Parts that wait for the garbage collector would be most of a save's memory
    release: () => pieces.filter(ownsMemory).forEach(release),
  };
}

/**
 * Returns whether the memory of a part's piece may be given away with it, because nothing else in it is in use. That is so for a
 * piece of at least half of it: `PartGatherer` copies the smaller side of a cut, and Node's shared pool makes only smaller Buffers.
 */
export function ownsMemory(piece: Uint8Array): boolean {
  return 2 * piece.byteLength >= piece.buffer.byteLength;
}

/**
 * Sends a part, with its MD5 where the server requires one: 400 InvalidRequest, "Content-MD5 OR x-amz-checksum- HTTP header
 * is required for Put Object requests with Object Lock parameters" (AWS and MinIO, a bucket with a default retention).
 * @param send gets the parameters to add.
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
