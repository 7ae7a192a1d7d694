import { delayed } from '../../../retry/signals.ts';
import {
  ObjectExistsError,
  ObjectReplacedError,
  StoreRefusedError,
  StoreUnavailableError,
} from '../../store-errors.ts';
import type { Caller, CallSpec } from '../calls/caller.ts';
import { bareEtag, encryptionOf, SAVE_ID } from '../calls/object-headers.ts';
import { CompleteMultipartUploadCommand, PutObjectCommand } from '../calls/sdk.ts';
import { httpStatus, isRetryable } from '../errors/classify.ts';
import { isStatus, s3Code } from '../errors/s3-errors.ts';
import { type HeadInfo, headObject } from '../read/head.ts';
import type { StoredPart, UploadRef } from './multipart.ts';
import { multipartEtag } from './multipart-etag.ts';
import { bodyOf, md5Of, type PartBytes, sendPart } from './part-body.ts';

/** Makes an object visible, under a condition, and finds out whether it is ours when the response is unclear. */

/** Time that a Complete under way gets after a signal, in ms. Few take longer, and the step has 5 s. */
const COMPLETE_GRACE_MS = 2_000;

/** How an upload becomes an object. */
export interface Publication {
  readonly name: string;
  readonly saveId: string;
  readonly sizeBytes: number;
  /** Conditions. Without one the object always appears. */
  readonly onlyIfAbsent: boolean;
  readonly onlyIfEtag: string | undefined;
  readonly signal: AbortSignal | undefined;
  readonly onPublish: (() => void) | undefined;
}

/**
 * State of the Completes of an upload. `unclear`: one was sent without a response, so the server may be joining the parts,
 * now or later. An Abort that meets it leaves an object that is listed and responds to HEAD, while GET returns 404 once the
 * parts are collected as garbage (ceph/ceph#60771; radosgw 16.2.15: 17 of 24 tries).
 */
export interface Completion {
  state: 'not sent' | 'unclear' | 'answered';
}

/**
 * Stores a whole object by one PutObject. `onlyIfAbsent` is exact where the server obeys the condition: of several writers
 * one wins (eight tried on radosgw 16.2.15). Elsewhere the object is checked right before.
 * @throws ObjectExistsError or ObjectReplacedError when the condition does not hold.
 */
export async function putWhole(caller: Caller, publication: Publication, part: PartBytes): Promise<void> {
  const { capabilities } = caller;
  const { name, onlyIfAbsent, onlyIfEtag, signal, onPublish } = publication;
  const conditional = onlyIfAbsent || onlyIfEtag !== undefined;
  const isExact = capabilities.conditionalPut && !capabilities.versioned;
  if (onlyIfEtag !== undefined || (onlyIfAbsent && !isExact)) await checkCondition(caller, publication);
  else if (!caller.answered) await firstResponse(caller, name, signal);
  onPublish?.();
  let outcome = await put(caller, publication, part, conditional && capabilities.conditionalPut);
  if (outcome === 'not implemented') {
    capabilities.conditionalPut = false;
    await checkCondition(caller, publication);
    outcome = await put(caller, publication, part, false);
  }
  // AWS, when two conditional writes meet: it asks for a repetition
  if (outcome === 'conflict') outcome = await put(caller, publication, part, conditional);
  if (outcome === 'stored') return;
  const present = await headObject(caller, name, signal);
  if (isOurs(present, publication, () => md5Of(part))) return;
  if (outcome === 'unclear') {
    throw present ? conditionFailed(publication) : new StoreUnavailableError(`${name}: ${NOT_STORED}`);
  }
  if (outcome === 'conflict' || !holds(publication, present)) throw conditionFailed(publication);
  // Refused although the condition holds: radosgw 16.2.15 answers each If-Match by 412 in a bucket with versions
  capabilities.conditionalPut = false;
  outcome = await put(caller, publication, part, false);
  if (outcome !== 'stored') throw new StoreUnavailableError(`${name}: ${NOT_STORED}`);
}

const NOT_STORED = 'the server answered PutObject, and does not have the object';

/**
 * May be repeated: the same bytes under the same name. Where the first attempt succeeded and only its response was lost,
 * the condition makes the second one fail; the save-id shows that the object is ours.
 */
async function put(
  caller: Caller,
  { name, saveId, onlyIfAbsent, onlyIfEtag, signal, sizeBytes }: Publication,
  part: PartBytes,
  conditional: boolean,
): Promise<'stored' | 'unclear' | 'refused' | 'conflict' | 'not implemented'> {
  const spec: CallSpec = { operation: 'PutObject', about: `${name}, ${sizeBytes} bytes`, signal };
  return caller.run(spec, async (client, options, progressed) => {
    try {
      const { ETag, VersionId } = await sendPart(caller, part, md5 =>
        client.send(
          new PutObjectCommand({
            Bucket: caller.settings.bucket,
            Key: name,
            Body: bodyOf(part, progressed),
            ContentLength: part.sizeBytes,
            ContentType: 'application/zstd',
            Metadata: { [SAVE_ID]: saveId },
            ...encryptionOf(caller.settings),
            ...md5,
            ...(conditional && onlyIfAbsent && { IfNoneMatch: '*' }),
            // radosgw 16.2.15 compares If-Match of a PutObject with its unquoted ETag; AWS takes both.
            ...(conditional && onlyIfEtag !== undefined && { IfMatch: onlyIfEtag }),
          }),
          options,
        ),
      );
      caller.capabilities.versioned ||= VersionId !== undefined;
      // A server that is not S3's may answer anything with 200
      return bareEtag(ETag) === undefined ? 'unclear' : 'stored';
    } catch (error) {
      if (conditional && isStatus(error, 501)) return 'not implemented';
      if (isStatus(error, 409)) return 'conflict';
      // 404: If-Match on an object that was removed
      if (isStatus(error, 412) || (onlyIfEtag !== undefined && isStatus(error, 404))) return 'refused';
      throw error;
    }
  });
}

/**
 * Waits for any response of an endpoint that has not responded yet: that of a PutObject comes only after the whole body,
 * so it could not tell a dead endpoint from a slow one. A refusal is enough: some credentials may only write, and bad
 * ones are refused again.
 */
async function firstResponse(caller: Caller, name: string, signal: AbortSignal | undefined): Promise<void> {
  try {
    await headObject(caller, name, signal);
  } catch (error) {
    if (!(error instanceof StoreRefusedError)) throw error;
  }
}

/**
 * Joins the parts, and updates `completion`. Checks the condition right before: radosgw ignores it on Complete. A signal
 * does not cut a Complete off at once, because a response shows whether the upload may be aborted.
 * @throws ObjectExistsError or ObjectReplacedError when the condition does not hold.
 */
export async function completeUpload(
  caller: Caller,
  publication: Publication,
  upload: UploadRef,
  parts: readonly StoredPart[],
  completion: Completion,
): Promise<void> {
  await checkCondition(caller, publication);
  publication.onPublish?.();
  const cancelled = publication.signal;
  const grace = delayed(cancelled, COMPLETE_GRACE_MS, caller.clock);
  // May be repeated, but only after a HEAD: radosgw returns 500 to a Complete of an upload that was completed already (or
  // aborted), never 404. An object with our save-id means that an attempt succeeded and its response was lost.
  let stored = false;
  const spec: CallSpec = {
    operation: 'CompleteMultipartUpload',
    about: `${publication.name}, ${parts.length} parts`,
    signal: grace.signal,
    serverWork: true,
  };
  const isNowOurs = async () => {
    const present = await headObject(caller, publication.name, grace.signal);
    return isOurs(present, publication, () => multipartEtag(parts)) ? 'ours' : present;
  };
  const send = async (conditional: boolean) =>
    caller.run(spec, async (client, options): Promise<'refused' | 'not implemented' | 'stored'> => {
      cancelled?.throwIfAborted();
      const before = completion.state;
      completion.state = 'unclear';
      try {
        await client.send(
          new CompleteMultipartUploadCommand({
            Bucket: caller.settings.bucket,
            Key: publication.name,
            UploadId: upload.uploadId,
            MultipartUpload: { Parts: [...parts] },
            // Obeyed by AWS and newer gateways, ignored by radosgw 16.2.15.
            ...(conditional && { IfNoneMatch: '*' }),
          }),
          options,
        );
        completion.state = 'answered';
        stored = true;
        return 'stored';
      } catch (error) {
        if (hasEnded(error)) completion.state = before;
        if (conditional && isStatus(error, 501)) return 'not implemented';
        if (isStatus(error, 412) || isStatus(error, 409)) return 'refused';
        if (grace.signal.aborted || !(isRetryable(error) || isStatus(error, 404))) throw error;
        stored = (await isNowOurs()) === 'ours';
        if (!stored) throw error;
        return 'stored';
      }
    });
  try {
    const { capabilities } = caller;
    const conditional = publication.onlyIfAbsent && capabilities.conditionalComplete;
    let outcome = await send(conditional);
    if (outcome === 'refused') {
      // Refused although the object may be ours, or although there is none
      const present = await isNowOurs();
      stored = present === 'ours';
      if (present === 'ours') return;
      if (!conditional || present !== undefined) throw conditionFailed(publication);
    }
    if (outcome !== 'stored') {
      capabilities.conditionalComplete = false;
      outcome = await send(false);
    }
    if (outcome !== 'stored') throw conditionFailed(publication);
  } catch (error) {
    // The limit for all attempts may pass while the HEAD succeeds.
    if (stored) return;
    cancelled?.throwIfAborted();
    throw error;
  } finally {
    grace.clear();
  }
}

/** Statuses that a proxy returns by itself, while the server behind it may be at work. */
const PROXY_STATUS = new Set([502, 503, 504]);

/** Whether the server has finished the call without doing anything. A 503 is the server's own if an S3 code comes with it. */
function hasEnded(error: unknown): boolean {
  const status = httpStatus(error) ?? 0;
  return status >= 400 && (!PROXY_STATUS.has(status) || s3Code(error) !== undefined);
}

/** Throws unless the object may appear now. After this the last writer wins, with a whole object. */
async function checkCondition(caller: Caller, publication: Publication): Promise<void> {
  const { name, onlyIfAbsent, onlyIfEtag, signal } = publication;
  if (!onlyIfAbsent && onlyIfEtag === undefined) return;
  const present = await headObject(caller, name, signal);
  if (outcome === 'conflict' || !holds(publication, present)) throw conditionFailed(publication);
}

/** Whether the condition holds while this object is present. */
function holds({ onlyIfAbsent, onlyIfEtag }: Publication, present: HeadInfo | undefined): boolean {
  if (onlyIfAbsent) return present === undefined;
  return onlyIfEtag === undefined || present?.etag === onlyIfEtag;
}

function conditionFailed({ name, onlyIfAbsent }: Publication): Error {
  return onlyIfAbsent
    ? new ObjectExistsError(`${name} was stored by another job meanwhile`)
    : new ObjectReplacedError(`${name} was replaced by another job meanwhile`);
}

/**
 * Whether an object is the one of this upload, by its save-id. Fronts that drop metadata leave the ETag, which the same
 * bytes have.
 * @param etag returns the ETag of this upload's bytes. It may take long.
 */
function isOurs(present: HeadInfo | undefined, { saveId }: Publication, etag: () => string): boolean {
  if (present === undefined) return false;
  return present.saveId === undefined ? present.etag === etag() : present.saveId === saveId;
}
