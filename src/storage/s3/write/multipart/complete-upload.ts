import { delaySignal } from '../../../../retry/signals.ts';
import type { CallSpec } from '../../calls/call.ts';
import type { Caller } from '../../calls/caller.ts';
import { bareEtag } from '../../calls/object-headers.ts';
import { CompleteMultipartUploadCommand } from '../../calls/sdk.ts';
import { isStatus, ResponseError } from '../../errors/response-error.ts';
import { classify } from '../../errors/s3-errors.ts';
import { lacksConditions } from '../../errors/server-refusals.ts';
import { headObject } from '../../read/head.ts';
import { checkCondition, conditionError, isOurs, notStoredError, type Publication } from '../publication.ts';
import { multipartEtag, type StoredPart, type UploadRef } from './multipart-calls.ts';

/** Time in ms that a Complete gets after a signal. Few take longer, and the step has 5 s. */
const COMPLETE_GRACE_MS = 2_000;

/**
 * State of the Completes of an upload. It is `unclear` without a response to one: the server may join the parts, now or later. An
 * Abort during that time leaves an object that is listed and responds to HEAD. GET returns 404 after the parts are collected as
 * garbage (ceph/ceph#60771; radosgw 16.2.15: 17 of 24 tries).
 */
export interface Completion {
  state: 'not sent' | 'unclear' | 'responded';
}

/**
 * Joins the parts, and updates `completion`. Checks the condition directly before, because radosgw ignores it on Complete. A
 * signal does not end a Complete at once, because its response shows whether the upload may be aborted.
 * @throws ObjectExistsError or ObjectReplacedError when the condition is not met.
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
  const grace = delaySignal(cancelled, COMPLETE_GRACE_MS, caller.clock);
  // May be repeated, but only after a HEAD: radosgw returns 500 to a Complete of an upload that was completed already (or
  // aborted), never 404. An object with our save-id means that an attempt succeeded and its response was lost.
  const spec: CallSpec = {
    operation: 'CompleteMultipartUpload',
    about: `${publication.name}, ${parts.length} parts`,
    signal: grace.signal,
    isLongWork: true,
  };
  /** Returns the object of this name, or 'ours' if this upload has stored it. */
  const findObject = async () => {
    const present = await headObject(caller, publication.name, { signal: grace.signal });
    return isOurs(present, publication, () => multipartEtag(parts)) ? 'ours' : present;
  };
  const send = async (isConditional: boolean) =>
    caller.run(spec, async (client, options): Promise<'refused' | 'not implemented' | 'stored'> => {
      cancelled?.throwIfAborted();
      const before = completion.state;
      completion.state = 'unclear';
      try {
        const { ETag, Key } = await client.send(
          new CompleteMultipartUploadCommand({
            Bucket: caller.settings.bucket,
            Key: publication.name,
            UploadId: upload.uploadId,
            MultipartUpload: { Parts: [...parts] },
            // AWS and newer gateways obey this, radosgw 16.2.15 ignores it
            IfNoneMatch: isConditional ? '*' : undefined,
          }),
          options,
        );
        // A server that is not an S3 server may return 200 to any request. radosgw 16.2.15 returns Key, and may leave out ETag
        if (!bareEtag(ETag) && !Key && (await findObject()) !== 'ours')
          throw notStoredError(publication.name, spec.operation);
        completion.state = 'responded';
        return 'stored';
      } catch (error) {
        if (hasEnded(error)) completion.state = before;
        if (isConditional && lacksConditions(error)) return 'not implemented';
        if (isStatus(error, 409, 412)) return 'refused';
        if (grace.signal.aborted || !(classify(error).isRetryable || isStatus(error, 404))) throw error;
        if ((await findObject()) !== 'ours') throw error;
        return 'stored';
      }
    });
  try {
    const { capabilities } = caller;
    const isConditional = publication.onlyIfAbsent && capabilities.hasConditionalComplete;
    let outcome = await send(isConditional);
    if (outcome === 'refused') {
      // The refusal is wrong if the object is ours, or if there is none
      const present = await findObject();
      if (present === 'ours') return;
      if (!isConditional || present !== undefined) throw conditionError(publication);
    }
    if (outcome !== 'stored') {
      capabilities.hasConditionalComplete = false;
      outcome = await send(false);
    }
    if (outcome !== 'stored') throw conditionError(publication);
  } catch (error) {
    cancelled?.throwIfAborted();
    throw error;
  } finally {
    grace.clear();
  }
}

/** Statuses of a reverse proxy itself, while the server may still work. */
const PROXY_STATUS = new Set([502, 503, 504]);

/** Returns whether the server has ended the call without any change. A 503 or 200 with an S3 code is from the server. */
function hasEnded(error: unknown): boolean {
  if (!(error instanceof ResponseError)) return false;
  const { status, code } = error;
  return code !== undefined || (status >= 400 && !PROXY_STATUS.has(status));
}
