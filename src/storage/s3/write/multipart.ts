import { Readable } from 'node:stream';
import type { ByteSpan, ObjectVersion } from '../../object-store.ts';
import { CopyRefusedError, ObjectReplacedError, StoreUnavailableError } from '../../store-errors.ts';
import type { Caller, CallSpec } from '../calls/caller.ts';
import { bareEtag, SAVE_ID } from '../calls/object-headers.ts';
import {
  AbortMultipartUploadCommand,
  CreateMultipartUploadCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '../calls/sdk.ts';
import { httpStatus, isRetryable } from '../errors/classify.ts';
import { isMissing, isStatus } from '../errors/s3-errors.ts';

/** The calls of S3's multipart protocol, one function each. */

/** An upload the server knows. */
export interface UploadRef {
  readonly name: string;
  readonly uploadId: string;
}

/** A stored part, as Complete lists it. */
export interface StoredPart {
  readonly PartNumber: number;
  readonly ETag: string;
}

/** Bytes in the pieces in which they were written. They are joined only on the wire. */
export interface PartBytes {
  readonly pieces: readonly Uint8Array[];
  readonly sizeBytes: number;
}

/** Bytes that are given to the socket at once. Whether a larger slice moves would not be known for long. */
const SLICE_BYTES = 256 * 1024;

/**
 * Makes the pieces the body of one request. A stream rather than one joined buffer: nothing is copied, and the signature
 * covers UNSIGNED-PAYLOAD instead of a SHA-256 over every byte in the main thread (frames carry their own).
 * @param progressed is called with the number of bytes that were sent.
 */
export function bodyOf(part: PartBytes, progressed: (bytes: number) => void): Readable {
  return Readable.from(slicesOf(part, progressed), { objectMode: false });
}

function* slicesOf({ pieces }: PartBytes, progressed: (bytes: number) => void): Generator<Uint8Array> {
  for (const piece of pieces) {
    for (let at = 0; at < piece.length; at += SLICE_BYTES) {
      const slice = piece.subarray(at, at + SLICE_BYTES);
      yield slice;
      progressed(slice.length);
    }
  }
}

/**
 * Begins an upload. May be repeated: a Create whose response was lost leaves an upload without parts, which the sweep
 * removes.
 */
export async function createUpload(
  caller: Caller,
  name: string,
  saveId: string,
  signal?: AbortSignal,
): Promise<UploadRef> {
  const { UploadId } = await caller.run(
    { operation: 'CreateMultipartUpload', about: name, signal },
    (client, options) =>
      client.send(
        new CreateMultipartUploadCommand({
          Bucket: caller.settings.bucket,
          Key: name,
          Metadata: { [SAVE_ID]: saveId },
          ContentType: 'application/zstd',
        }),
        options,
      ),
  );
  if (!UploadId)
    throw new StoreUnavailableError(`${name}: the response to CreateMultipartUpload has no upload id`);
  return { name, uploadId: UploadId };
}

/** Stores a part. May be repeated: the same number replaces the part (radosgw keeps the first copy until its gc). */
export async function uploadPart(
  caller: Caller,
  upload: UploadRef,
  number: number,
  part: PartBytes,
  signal: AbortSignal,
): Promise<StoredPart> {
  const about = `${upload.name} part ${number}, ${part.sizeBytes} bytes`;
  const spec: CallSpec = { operation: 'UploadPart', about, signal, transfer: true };
  const { ETag } = await caller.run(spec, (client, options, progressed) =>
    client.send(
      new UploadPartCommand({
        Bucket: caller.settings.bucket,
        Key: upload.name,
        UploadId: upload.uploadId,
        PartNumber: number,
        Body: bodyOf(part, progressed),
        ContentLength: part.sizeBytes,
      }),
      options,
    ),
  );
  return { PartNumber: number, ETag: partEtag(ETag, upload.name, number) };
}

/**
 * Copies `range` of `source` inside the server. May be repeated, as `uploadPart`.
 * @throws CopyRefusedError when the server does not do this, ObjectReplacedError when the source was replaced.
 */
export async function copyPart(
  caller: Caller,
  upload: UploadRef,
  number: number,
  source: ObjectVersion,
  range: ByteSpan,
  signal: AbortSignal,
): Promise<StoredPart> {
  const { bucket } = caller.settings;
  const about = `${upload.name} part ${number} from ${source.name} ${range.start}-${range.end - 1}`;
  const spec: CallSpec = { operation: 'UploadPartCopy', about, signal, serverWork: true };
  const etag = await caller.run(spec, async (client, options) => {
    try {
      const answer = await client.send(
        new UploadPartCopyCommand({
          Bucket: bucket,
          Key: upload.name,
          UploadId: upload.uploadId,
          PartNumber: number,
          CopySource: `${bucket}/${source.name.split('/').map(encodeURIComponent).join('/')}`,
          CopySourceRange: `bytes=${range.start}-${range.end - 1}`,
          // AWS honours this; radosgw 16.2.15 ignores it, so the caller also checks before and after.
          CopySourceIfMatch: `"${source.etag}"`,
        }),
        options,
      );
      return answer.CopyPartResult?.ETag;
    } catch (error) {
      // 416: the range lay inside the source as it was
      if (isStatus(error, 412) || isStatus(error, 416) || isMissing(error)) {
        throw new ObjectReplacedError(`${source.name} was replaced or removed meanwhile`, { cause: error });
      }
      const status = isRetryable(error) ? undefined : httpStatus(error);
      if (status === 400 || status === 405 || status === 501) {
        throw new CopyRefusedError(`the server does not copy ranges (${status})`, { cause: error });
      }
      throw error;
    }
  });
  if (!etag) throw new CopyRefusedError('the server does not copy ranges (its answer has no ETag)');
  return { PartNumber: number, ETag: etag };
}

/** Removes an upload and its parts. May be repeated: a 404 means that the upload was removed. */
export async function abortUpload(
  caller: Caller,
  upload: UploadRef,
  limits: Pick<CallSpec, 'signal' | 'lastCallMs'>,
): Promise<void> {
  await caller.run(
    { operation: 'AbortMultipartUpload', about: upload.name, ...limits },
    async (client, options) => {
      try {
        await client.send(
          new AbortMultipartUploadCommand({
            Bucket: caller.settings.bucket,
            Key: upload.name,
            UploadId: upload.uploadId,
          }),
          options,
        );
      } catch (error) {
        if (!isStatus(error, 404)) throw error;
      }
    },
  );
}

function partEtag(etag: string | undefined, name: string, number: number): string {
  if (bareEtag(etag) === undefined) {
    throw new StoreUnavailableError(`${name}: the response to part ${number} has no ETag`);
  }
  return etag as string;
}
