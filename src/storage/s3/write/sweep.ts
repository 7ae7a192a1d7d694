import { forEachWithin } from '../../../archive/pool/in-flight.ts';
import { anySignal, deadline } from '../../../retry/signals.ts';
import type { CallOptions, SweepOptions, UnfinishedUpload } from '../../object-store.ts';
import type { Caller } from '../calls/caller.ts';
import { ListMultipartUploadsCommand, type ListMultipartUploadsCommandOutput } from '../calls/sdk.ts';
import { MAX_PARSED_BYTES } from '../calls/sdk-request-handler.ts';
import { isJoined } from './multipart/joined-upload.ts';
import { abortUpload, type UploadRef } from './multipart/multipart-calls.ts';

/** Number of aborts that run at the same time. */
const PARALLEL = 8;

/** Bounds of one sweep: pages of uploads, uploads to abort, and the time for all in ms. A later sweep does the rest. */
const MAX_PAGES = 100;
const MAX_ABORTS = 1000;
const SWEEP_MS = 20_000;

/** Bound of an upload's id. AWS has 130 characters, radosgw 34. */
const MAX_ID_CHARACTERS = 1024;

/**
 * Aborts uploads under `prefix` that began more than `olderThanMs` ago, both by the server's clock (the Date of its response)
 * and by the runner's: either may be off by more than the age of an upload that another job is just writing. Keeps those that
 * have become an object, and those that are not our own. Returns the number of aborted uploads.
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
type Listed = NonNullable<Page['Uploads']>[number];
type ListedUpload = UploadRef & UnfinishedUpload;

/** Lists unfinished uploads, those of at most 100 pages. */
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
      // NaN if the server sends no time: another job may be writing the upload. The bucket's lifecycle rule removes it
      const begunMs = beganMs(listed);
      if (upload && begunMs <= oldest) yield { ...upload, begunMs };
    }
    const { NextKeyMarker, NextUploadIdMarker } = page;
    // The order of markers proves nothing: some servers list names in no order
    if (!page.IsTruncated || (KeyMarker === NextKeyMarker && UploadIdMarker === NextUploadIdMarker)) return;
    [KeyMarker, UploadIdMarker] = [NextKeyMarker, NextUploadIdMarker];
  }
}

/**
 * Returns the upload. Returns undefined if its name is outside the prefix, because a server may list others, which are not ours,
 * or if its id is missing or too long.
 */
function uploadUnder(prefix: string, { Key, UploadId }: Listed): UploadRef | undefined {
  if (!Key?.startsWith(prefix) || !UploadId || UploadId.length > MAX_ID_CHARACTERS) return undefined;
  return { name: Key, uploadId: UploadId };
}

/** Returns the start in whole seconds, because a Date header has no fraction. Returns NaN if it is not known. */
function beganMs({ Initiated }: Listed): number {
  return Math.floor((Initiated?.getTime() ?? Number.NaN) / 1000) * 1000;
}
