import { forEachWithin } from '../../../archive/pool/in-flight.ts';
import { anySignal, deadline } from '../../../retry/signals.ts';
import type { CallOptions, SweepOptions, UnfinishedUpload } from '../../object-store.ts';
import type { Caller } from '../calls/caller.ts';
import { ListMultipartUploadsCommand, type ListMultipartUploadsCommandOutput } from '../calls/sdk.ts';
import { MAX_PARSED_BYTES } from '../calls/sdk-request-handler.ts';
import { isJoined } from './multipart/joined-upload.ts';
import { abortUpload, type UploadRef } from './multipart/multipart-calls.ts';

/** Number of aborts at the same time. */
const PARALLEL = 8;

/** Maximum number of pages of a listing of uploads. */
const MAX_PAGES = 100;
/** Maximum number of uploads that one sweep aborts. A later sweep aborts the rest. */
const MAX_ABORTS = 1000;
/** Time limit of one sweep, in ms. */
const SWEEP_MS = 20_000;

/** Maximum length of an upload's id. AWS has 130 characters, radosgw 34. */
const MAX_ID_CHARACTERS = 1024;

/**
 * Aborts uploads under `prefix` that began more than `olderThanMs` ago. Their age counts by two clocks, because one of them may be
 * wrong: the server's (the Date of its response) and the runner's. Another job may be writing a younger upload. Keeps uploads that
 * have become an object, and uploads of other programs. Returns the number of aborted uploads.
 */
export async function sweepUploads(
  caller: Caller,
  prefix: string,
  olderThanMs: number,
  { isOwn, ...options }: SweepOptions,
): Promise<number> {
  const limit = deadline(SWEEP_MS, caller.clock);
  const signal = anySignal(limit.signal, options.signal);
  let aborted = 0;
  try {
    const stale: UploadRef[] = [];
    for await (const upload of unfinishedUploads(caller, prefix, olderThanMs, { signal })) {
      if (!isOwn(upload.name)) continue;
      stale.push(upload);
      if (stale.length === MAX_ABORTS) break;
    }
    await forEachWithin(stale, { limit: PARALLEL }, async upload => {
      if (await isJoined(caller, upload, signal)) return;
      await abortUpload(caller, upload, { signal });
      aborted++;
    });
    return aborted;
  } catch (error) {
    if (error === limit.signal.reason && !options.signal?.aborted) return aborted;
    throw error;
  } finally {
    limit.clear();
  }
}

type Page = ListMultipartUploadsCommandOutput;
type UploadElement = NonNullable<Page['Uploads']>[number];
type ListedUpload = UploadRef & UnfinishedUpload;

/** Lists unfinished uploads under `prefix` that began more than `olderThanMs` ago, from at most 100 pages. */
export async function* unfinishedUploads(
  caller: Caller,
  prefix: string,
  olderThanMs: number,
  { signal }: CallOptions = {},
): AsyncGenerator<ListedUpload> {
  let KeyMarker: string | undefined;
  let UploadIdMarker: string | undefined;
  for (let pages = 0; pages < MAX_PAGES; pages++) {
    const page: Page = await caller.send(
      { operation: 'ListMultipartUploads', about: prefix, signal, maxBodyBytes: MAX_PARSED_BYTES },
      new ListMultipartUploadsCommand({
        Bucket: caller.settings.bucket,
        Prefix: prefix,
        KeyMarker,
        UploadIdMarker,
      }),
    );
    const oldest = caller.nowMs - olderThanMs;
    for (const listed of page.Uploads ?? []) {
      const upload = uploadUnder(prefix, listed);
      // This is NaN if the server sends no time. Then the upload is kept, because another job may be writing it
      const begunMs = startMs(listed);
      if (upload && begunMs <= oldest) yield { ...upload, begunMs };
    }
    const { NextKeyMarker, NextUploadIdMarker } = page;
    // Only equal markers show that the listing does not advance: some servers list names in no order
    if (!page.IsTruncated || (KeyMarker === NextKeyMarker && UploadIdMarker === NextUploadIdMarker)) return;
    [KeyMarker, UploadIdMarker] = [NextKeyMarker, NextUploadIdMarker];
  }
}

/**
 * Returns the name and id of an upload. Returns undefined if the name is outside the prefix, because a server may list more than
 * that, or if the id is missing or too long.
 */
function uploadUnder(prefix: string, { Key, UploadId }: UploadElement): UploadRef | undefined {
  if (!Key?.startsWith(prefix) || !UploadId || UploadId.length > MAX_ID_CHARACTERS) return undefined;
  return { name: Key, uploadId: UploadId };
}

/** Returns the start in ms since 1970, in whole seconds as in a Date header. Returns NaN if it is not known. */
function startMs({ Initiated }: UploadElement): number {
  return Math.floor((Initiated?.getTime() ?? Number.NaN) / 1000) * 1000;
}
