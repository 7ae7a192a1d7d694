import type { Caller } from '../calls/caller.ts';
import { ListMultipartUploadsCommand, type ListMultipartUploadsCommandOutput } from '../calls/sdk.ts';
import { isJoined } from './completed-upload.ts';
import { abortUpload, type UploadRef } from './multipart.ts';

/** Aborts in flight at once. */
const PARALLEL = 8;

/**
 * Aborts uploads under `prefix` that began more than `olderThanMs` ago by the server's clock (the Date of its answer:
 * a runner's clock may be off by more than the age of an upload that another job is just writing). Those that have become
 * an object stay. Returns how many were aborted.
 */
export async function sweepUploads(
  caller: Caller,
  prefix: string,
  olderThanMs: number,
  signal?: AbortSignal,
): Promise<number> {
  const stale: UploadRef[] = [];
  for await (const upload of unfinishedUploads(caller, prefix, olderThanMs, signal)) stale.push(upload);
  const next = stale.values();
  let aborted = 0;
  await Promise.all(
    Array.from({ length: PARALLEL }, async () => {
      for (const upload of next) {
        if (await isJoined(caller, upload, signal)) continue;
        await abortUpload(caller, upload, { signal });
        aborted++;
      }
    }),
  );
  return aborted;
}

async function* unfinishedUploads(
  caller: Caller,
  prefix: string,
  olderThanMs: number,
  signal?: AbortSignal,
): AsyncGenerator<UploadRef> {
  let marker: { KeyMarker?: string; UploadIdMarker?: string } | undefined = {};
  while (marker) {
    const from: { KeyMarker?: string; UploadIdMarker?: string } = marker;
    // May be repeated: reads only.
    const page: ListMultipartUploadsCommandOutput = await caller.run(
      { operation: 'ListMultipartUploads', about: prefix, signal },
      (client, options) =>
        client.send(
          new ListMultipartUploadsCommand({ Bucket: caller.settings.bucket, Prefix: prefix, ...from }),
          options,
        ),
    );
    const oldest = caller.serverTimeMs - olderThanMs;
    for (const { Key, UploadId, Initiated } of page.Uploads ?? []) {
      // Without a time its age is not known, and another job may just be writing it: the bucket lifecycle's
      if (Key === undefined || UploadId === undefined || Initiated === undefined) continue;
      // `<=` and whole seconds: a Date header has no fraction, and an age of 0 means all.
      const began = Math.floor(Initiated.getTime() / 1000) * 1000;
      if (began <= oldest) yield { name: Key, uploadId: UploadId };
    }
    const { NextKeyMarker, NextUploadIdMarker } = page;
    const more =
      page.IsTruncated === true &&
      (NextKeyMarker !== from.KeyMarker || NextUploadIdMarker !== from.UploadIdMarker);
    marker = more
      ? {
          ...(NextKeyMarker !== undefined && { KeyMarker: NextKeyMarker }),
          ...(NextUploadIdMarker !== undefined && { UploadIdMarker: NextUploadIdMarker }),
        }
      : undefined;
  }
}
