/** The calls of S3's multipart protocol. The other modules of this folder use them to upload an object in parts. */

import { createHash } from 'node:crypto';
import { StoreUnavailableError } from '../../../store-errors.ts';
import type { CallProgress, CallSpec } from '../../calls/call.ts';
import type { Caller } from '../../calls/caller.ts';
import { bareEtag, encryptionParameters, SAVE_ID } from '../../calls/object-headers.ts';
import {
  AbortMultipartUploadCommand,
  CreateMultipartUploadCommand,
  UploadPartCommand,
} from '../../calls/sdk.ts';
import { isStatus } from '../../errors/response-error.ts';
import { type PartBody, sendPart } from '../body.ts';
import type { SendingPart } from './parts-in-flight.ts';

/** An upload that the server has created. */
export interface UploadRef {
  readonly name: string;
  readonly uploadId: string;
}

/** A stored part, as a Complete lists it. */
export interface StoredPart {
  readonly PartNumber: number;
  readonly ETag: string;
}

/**
 * Begins an upload. May be repeated: a Create whose response was lost leaves an upload without parts, which a sweep removes.
 * @throws StoreUnavailableError if the response has no upload id.
 */
export async function createUpload(caller: Caller, name: string, saveId: string): Promise<UploadRef> {
  const { UploadId } = await caller.send(
    { operation: 'CreateMultipartUpload', about: name },
    new CreateMultipartUploadCommand({
      Bucket: caller.settings.bucket,
      Key: name,
      Metadata: { [SAVE_ID]: saveId },
      ContentType: 'application/zstd',
      ...encryptionParameters(caller.settings),
    }),
  );
  if (!UploadId)
    throw new StoreUnavailableError(`${name}: the response to CreateMultipartUpload has no upload id`);
  return { name, uploadId: UploadId };
}

/**
 * Stores a part. May be repeated: the same number replaces the part. radosgw keeps the first copy until its garbage collection.
 * @throws StoreUnavailableError if the response has no ETag.
 */
export async function uploadPart(
  caller: Caller,
  upload: UploadRef,
  number: number,
  part: PartBody,
  sending: SendingPart,
  signal: AbortSignal,
): Promise<StoredPart> {
  const { sizeBytes } = part;
  const spec: CallSpec = {
    operation: 'UploadPart',
    about: `${upload.name} part ${number}, ${sizeBytes} bytes`,
    signal,
    isTransfer: true,
    sendsBytes: sizeBytes,
  };
  const { headers } = await caller.run(spec, async (client, options, progress) => {
    const counted: CallProgress = {
      countCompleted: bytes => progress.countCompleted(bytes),
      countSent: bytes => {
        sending.sentBytes += bytes;
        progress.countSent(bytes);
      },
    };
    const md5 = () => part.md5(options.abortSignal);
    const response = await sendPart(caller, { sizeBytes, md5 }, async ({ ContentMD5 }) => {
      sending.sentBytes = 0;
      const body = part.stream(counted);
      const makeCommand = () =>
        new UploadPartCommand({
          Bucket: caller.settings.bucket,
          Key: upload.name,
          UploadId: upload.uploadId,
          PartNumber: number,
          Body: body,
          ContentLength: sizeBytes,
          ContentMD5,
        });
      const repeated = { operation: 'UploadPart', name: upload.uploadId };
      const request = await caller.signRepeated(client, repeated, makeCommand, {
        headers: { 'content-length': String(sizeBytes), 'content-md5': ContentMD5 },
        query: { partNumber: String(number) },
        body,
      });
      return caller.exchange(request, { ...options, send: part.senderOf?.(counted) });
    });
    progress.countCompleted(sizeBytes);
    return response;
  });
  const etag = bareEtag(headers.etag);
  if (!etag) throw new StoreUnavailableError(`${upload.name}: the response to part ${number} has no ETag`);
  return { PartNumber: number, ETag: `"${etag}"` };
}

/** Removes an upload with its parts. May be repeated: a 404 means that the upload was removed. */
export async function abortUpload(
  caller: Caller,
  upload: UploadRef,
  limits: Pick<CallSpec, 'signal' | 'lastCallMs'>,
): Promise<void> {
  const { name, uploadId } = upload;
  const command = new AbortMultipartUploadCommand({
    Bucket: caller.settings.bucket,
    Key: name,
    UploadId: uploadId,
  });
  await caller.run({ operation: 'AbortMultipartUpload', about: name, ...limits }, async (client, options) => {
    try {
      await client.send(command, options);
    } catch (error) {
      if (!isStatus(error, 404)) throw error;
    }
  });
}

/**
 * Returns the ETag of the object that these parts form in their order. It is the MD5 of the parts' MD5s, `-` and the number of
 * parts (observed on AWS and radosgw 16.2.15). If the ETags of a server are not MD5s, its object has another ETag.
 */
export function multipartEtag(parts: readonly { readonly ETag?: string | undefined }[]): string {
  const hash = createHash('md5');
  for (const { ETag } of parts) hash.update(Buffer.from(bareEtag(ETag) ?? '', 'hex'));
  return `${hash.digest('hex')}-${parts.length}`;
}
