import { delayed } from '../../../retry/signals.ts';
import type { ObjectInfo } from '../../object-store.ts';
import { ObjectExistsError, ObjectReplacedError, StoreRefusedError } from '../../store-errors.ts';
import type { Caller } from '../calls/caller.ts';
import { httpStatus, isRetryable } from '../calls/classify.ts';
import { bareEtag, SAVE_ID } from '../calls/object-headers.ts';
import { isStatus, s3Code } from '../calls/s3-errors.ts';
import { CompleteMultipartUploadCommand, PutObjectCommand } from '../calls/sdk.ts';
import { headObject } from '../read/head.ts';
import { bodyOf, type PartBytes, type StoredPart, type UploadRef } from './multipart.ts';
import { multipartEtag } from './multipart-etag.ts';

/** Making an object visible, under a condition, and finding out whether it was ours when the answer is unclear. */

/** What a Complete that is under way gets to end after a signal, in ms. Few take longer, and the step has 5 s. */
const COMPLETE_GRACE_MS = 2_000;

/** When an object may appear. Both undefined: always. */
export interface PublishCondition {
  readonly onlyIfAbsent: boolean;
  readonly onlyIfEtag: string | undefined;
}

export interface Publication extends PublishCondition {
  readonly name: string;
  readonly saveId: string;
  readonly sizeBytes: number;
  readonly signal: AbortSignal | undefined;
  readonly onPublish: (() => void) | undefined;
}

/**
 * What is known of the Completes of an upload. `unclear`: one was sent and never answered, so the server may be joining
 * the parts, now or later. An Abort that meets it leaves an object that is listed and answers HEAD, while GET answers 404
 * once the parts are collected as garbage (ceph/ceph#60771; radosgw 16.2.15: 17 of 24 tries).
 */
export interface Completion {
  state: 'not sent' | 'unclear' | 'answered';
}

/**
 * Stores a whole object by one PutObject. With `onlyIfAbsent` exact: of several writers one wins (tried with eight
 * against radosgw 16.2.15).
 */
export async function putWhole(
  caller: Caller,
  publication: Publication,
  part: PartBytes,
): Promise<ObjectInfo> {
  const { name, saveId, onlyIfAbsent, onlyIfEtag, signal, sizeBytes } = publication;
  if (onlyIfEtag !== undefined) await checkCondition(caller, publication);
  else if (!caller.answered) await firstAnswer(caller, name, signal);
  publication.onPublish?.();
  // May be repeated: the same bytes under the same name. Where the first attempt succeeded and only its answer was
  // lost, the condition makes the second one fail; the save-id tells that the object is ours.
  const etag = await caller.run(
    { operation: 'PutObject', about: `${name}, ${sizeBytes} bytes`, signal },
    async (client, options) => {
      try {
        const answer = await client.send(
          new PutObjectCommand({
            Bucket: caller.settings.bucket,
            Key: name,
            Body: bodyOf(part),
            ContentLength: part.sizeBytes,
            ContentType: 'application/zstd',
            Metadata: { [SAVE_ID]: saveId },
            ...(onlyIfAbsent && { IfNoneMatch: '*' }),
            // radosgw 16.2.15 compares If-Match of a PutObject with its unquoted ETag; AWS takes both.
            ...(onlyIfEtag !== undefined && { IfMatch: onlyIfEtag }),
          }),
          options,
        );
        return bareEtag(answer.ETag);
      } catch (error) {
        // 409: AWS, when two conditional writes meet; 404: If-Match on an object that is gone.
        if (
          isStatus(error, 412) ||
          isStatus(error, 409) ||
          (onlyIfEtag !== undefined && isStatus(error, 404))
        ) {
          return 'refused';
        }
        throw error;
      }
    },
  );
  if (etag !== undefined && etag !== 'refused') return publishedNow(caller, publication, etag);
  const ours = await ownObject(caller, publication);
  if (ours) return ours;
  throw conditionFailed(publication);
}

/**
 * A dead endpoint is told from a slow one by its first answer, and that to a PutObject comes after the whole body. Any
 * answer will do: some credentials may only write, and bad ones are refused again.
 */
async function firstAnswer(caller: Caller, name: string, signal: AbortSignal | undefined): Promise<void> {
  try {
    await headObject(caller, name, signal);
  } catch (error) {
    if (!(error instanceof StoreRefusedError)) throw error;
  }
}

/**
 * Joins the parts, and keeps `completion` up. The condition is checked right before: radosgw ignores it on Complete. A
 * signal does not cut a Complete off at once, because an answer tells whether the upload may be aborted.
 */
export async function completeUpload(
  caller: Caller,
  publication: Publication,
  upload: UploadRef,
  parts: readonly StoredPart[],
  completion: Completion,
): Promise<ObjectInfo> {
  await checkCondition(caller, publication);
  publication.onPublish?.();
  const cancelled = publication.signal;
  const grace = delayed(cancelled, COMPLETE_GRACE_MS, caller.clock);
  const inGrace = { ...publication, signal: grace.signal };
  // May be repeated, but only after a look: radosgw answers 500 to a Complete of an upload that was completed already
  // (or aborted), never 404. An object with our save-id means that an attempt succeeded and its answer was lost.
  let ours: ObjectInfo | undefined;
  const spec = {
    operation: 'CompleteMultipartUpload',
    about: `${publication.name}, ${parts.length} parts`,
    signal: grace.signal,
    serverWork: true,
  };
  try {
    const etag = await caller.run(spec, async (client, options) => {
      cancelled?.throwIfAborted();
      const before = completion.state;
      completion.state = 'unclear';
      try {
        const answer = await client.send(
          new CompleteMultipartUploadCommand({
            Bucket: caller.settings.bucket,
            Key: publication.name,
            UploadId: upload.uploadId,
            MultipartUpload: { Parts: [...parts] },
            // Honoured by AWS and newer gateways, ignored by radosgw 16.2.15.
            ...(publication.onlyIfAbsent && { IfNoneMatch: '*' }),
          }),
          options,
        );
        completion.state = 'answered';
        return bareEtag(answer.ETag);
      } catch (error) {
        if (hasEnded(error)) completion.state = before;
        if (isStatus(error, 412) || isStatus(error, 409)) return 'refused';
        if (grace.signal.aborted || !(isRetryable(error) || isStatus(error, 404))) throw error;
        ours = await ownObject(caller, inGrace);
        if (ours) return ours.etag;
        throw error;
      }
    });
    if (ours) return ours;
    if (etag === undefined) return await joinedObject(caller, inGrace, parts);
    if (etag !== 'refused') return publishedNow(caller, publication, etag);
    // Refused although it may be ours: HEAD tells.
    ours = await ownObject(caller, inGrace);
    if (ours) return ours;
    throw conditionFailed(publication);
  } catch (error) {
    // The limit for all attempts may pass while the look succeeds.
    if (ours) return ours;
    cancelled?.throwIfAborted();
    throw error;
  } finally {
    grace.clear();
  }
}

/** What a Complete stored that was answered without an ETag (radosgw): HEAD tells. */
async function joinedObject(
  caller: Caller,
  publication: Publication,
  parts: readonly StoredPart[],
): Promise<ObjectInfo> {
  let ours: ObjectInfo | undefined;
  try {
    ours = await ownObject(caller, publication);
  } catch {
    // Stored it is, whatever this look meets: some credentials may only write.
    return publishedNow(caller, publication, multipartEtag(parts));
  }
  if (ours) return ours;
  throw new ObjectReplacedError(`${publication.name} was replaced by another job right after it was stored`);
}

/** What a proxy answers by itself, while the server behind it may be at work. */
const PROXY_STATUS = new Set([502, 503, 504]);

/** The server has done with the call, and did nothing. Of 503 it is the author where an S3 code comes with it. */
function hasEnded(error: unknown): boolean {
  const status = httpStatus(error) ?? 0;
  return status >= 400 && (!PROXY_STATUS.has(status) || s3Code(error) !== undefined);
}

/** Throws unless the object may appear now. What another job does after this is last writer wins, with a whole object. */
async function checkCondition(caller: Caller, publication: Publication): Promise<void> {
  const { name, onlyIfAbsent, onlyIfEtag, signal } = publication;
  if (!onlyIfAbsent && onlyIfEtag === undefined) return;
  const present = await headObject(caller, name, signal);
  if (onlyIfAbsent ? present !== undefined : present?.etag !== onlyIfEtag) throw conditionFailed(publication);
}

function conditionFailed({ name, onlyIfAbsent }: Publication): Error {
  return onlyIfAbsent
    ? new ObjectExistsError(`${name} was stored by another job meanwhile`)
    : new ObjectReplacedError(`${name} was replaced by another job meanwhile`);
}

/** The object under this name if it is the one of this upload. */
async function ownObject(caller: Caller, publication: Publication): Promise<ObjectInfo | undefined> {
  const present = await headObject(caller, publication.name, publication.signal);
  return present?.saveId === publication.saveId ? present : undefined;
}

function publishedNow(caller: Caller, { name, sizeBytes }: Publication, etag: string): ObjectInfo {
  return { name, sizeBytes, etag, modifiedMs: caller.serverTimeMs };
}
