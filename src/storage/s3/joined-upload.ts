import { createHash } from 'node:crypto';
import { StoreRefusedError } from '../errors.ts';
import type { Caller } from './call.ts';
import { headObject } from './head.ts';
import type { UploadRef } from './multipart.ts';
import { bareEtag } from './names.ts';
import { ListPartsCommand, type ListPartsCommandOutput } from './sdk.ts';

/**
 * Whether an upload that is still listed has become the object of its name. A gateway that dies within a Complete may
 * leave both (radosgw 16.2.15, killed with SIGKILL: 9 of 41 tries). An Abort would then take the object's data: HEAD goes
 * on to answer, GET answers 404 once the parts are collected as garbage. Also true where the parts may not be listed: an
 * upload too many costs less than a cache.
 */
export async function isJoined(caller: Caller, upload: UploadRef, signal?: AbortSignal): Promise<boolean> {
  const present = await headObject(caller, upload.name, signal);
  // '-' and the number of parts: only an object that came by parts has one in its ETag
  if (!present?.etag.includes('-')) return false;
  try {
    return (await etagOf(caller, upload, signal)) === present.etag;
  } catch (error) {
    if (error instanceof StoreRefusedError) return true;
    throw error;
  }
}

/** The ETag of the object that the parts make: MD5 of their MD5s, and their number (AWS, radosgw 16.2.15: observed). */
async function etagOf(caller: Caller, upload: UploadRef, signal?: AbortSignal): Promise<string> {
  const sum = createHash('md5');
  let count = 0;
  let marker: string | undefined;
  do {
    const from: string | undefined = marker;
    // May be repeated: reads only.
    const page: ListPartsCommandOutput = await caller.run(
      { operation: 'ListParts', about: upload.name, signal },
      (client, options) =>
        client.send(
          new ListPartsCommand({
            Bucket: caller.settings.bucket,
            Key: upload.name,
            UploadId: upload.uploadId,
            ...(from !== undefined && { PartNumberMarker: from }),
          }),
          options,
        ),
    );
    for (const { ETag } of page.Parts ?? []) {
      sum.update(Buffer.from(bareEtag(ETag) ?? '', 'hex'));
      count++;
    }
    const next = page.IsTruncated ? page.NextPartNumberMarker : undefined;
    marker = next === from ? undefined : next;
  } while (marker !== undefined);
  return `${sum.digest('hex')}-${count}`;
}
