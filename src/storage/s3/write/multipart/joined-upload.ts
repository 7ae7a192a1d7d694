import { StoreRefusedError, StoreUnavailableError } from '../../../store-errors.ts';
import type { Caller } from '../../calls/caller.ts';
import { ListPartsCommand, type ListPartsCommandOutput } from '../../calls/sdk.ts';
import { headObject } from '../../read/head.ts';
import { multipartEtag, type UploadRef } from './multipart-calls.ts';

type Part = NonNullable<ListPartsCommandOutput['Parts']>[number];

/**
 * Returns whether an upload that is still listed has become the object of its name. A gateway that is killed during a Complete
 * may leave both (radosgw 16.2.15, SIGKILL: 9 of 41 tries). An Abort would then remove the data of the object: HEAD still
 * succeeds, and GET returns 404 after the parts are collected as garbage. Also returns true if the parts may not be listed,
 * because a remaining upload does less harm than a lost cache.
 */
export async function isJoined(caller: Caller, upload: UploadRef, signal: AbortSignal): Promise<boolean> {
  const present = await headObject(caller, upload.name, { signal });
  // Only the ETag of a multipart object ends with '-' and the number of parts
  if (!present?.etag.includes('-')) return false;
  try {
    return multipartEtag(await partsOf(caller, upload, signal)) === present.etag;
  } catch (error) {
    if (error instanceof StoreRefusedError) return true;
    throw error;
  }
}

/** Maximum number of pages of the parts of one upload. */
const MAX_PAGES = 100;
/** Bound of a page of 1000 parts in bytes. */
const MAX_PAGE_BYTES = 1024 * 1024;

async function partsOf(caller: Caller, upload: UploadRef, signal: AbortSignal): Promise<readonly Part[]> {
  const parts: Part[] = [];
  let marker = 0;
  for (let pages = 0; pages < MAX_PAGES; pages++) {
    const page = await caller.send(
      { operation: 'ListParts', about: upload.name, signal, maxBodyBytes: MAX_PAGE_BYTES },
      new ListPartsCommand({
        Bucket: caller.settings.bucket,
        Key: upload.name,
        UploadId: upload.uploadId,
        PartNumberMarker: marker > 0 ? String(marker) : undefined,
      }),
    );
    parts.push(...(page.Parts ?? []));
    const next = page.IsTruncated ? Number(page.NextPartNumberMarker) : 0;
    // This is the last page, or its marker is missing or does not advance
    if (!(next > marker)) return parts;
    marker = next;
  }
  throw new StoreUnavailableError(`${upload.name}: the listing of its parts has no end`);
}
