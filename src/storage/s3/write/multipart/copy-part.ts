import type { ByteSpan, ObjectVersion } from '../../../object-store.ts';
import { CopyRefusedError, objectReplaced, StoreUnavailableError } from '../../../store-errors.ts';
import type { CallSpec } from '../../calls/call.ts';
import type { Caller } from '../../calls/caller.ts';
import { bareEtag } from '../../calls/object-headers.ts';
import { UploadPartCopyCommand } from '../../calls/sdk.ts';
import type { SdkHandlerOptions } from '../../calls/sdk-request-handler.ts';
import { isMissing, isStatus } from '../../errors/response-error.ts';
import { classify } from '../../errors/s3-errors.ts';
import { headObject } from '../../read/head.ts';
import type { StoredPart, UploadRef } from './multipart-calls.ts';

/** Maximum size of one copy in bytes. A larger one would occupy the gateway for too long. */
const MAX_COPY_BYTES = 256 * 1024 * 1024;

/** Number of copies at once that use the gateway fully. */
const WANTED_PIECES = 8;
/** Size of a copy in bytes below which one more request takes longer than it saves. */
const WANTED_COPY_BYTES = 32 * 1024 * 1024;

/** Cuts a range into pieces of 5 MiB to 256 MiB, which the server copies in parallel. The range must have at least 5 MiB. */
export function copyRanges(range: ByteSpan): ByteSpan[] {
  const total = range.end - range.start;
  const wanted = Math.max(WANTED_COPY_BYTES, Math.min(MAX_COPY_BYTES, Math.ceil(total / WANTED_PIECES)));
  const count = Math.ceil(total / wanted);
  // The pieces are equal, because a short last one could be below the minimum
  const size = Math.ceil(total / count);
  return Array.from({ length: count }, (_, index) => ({
    start: range.start + index * size,
    end: Math.min(range.end, range.start + (index + 1) * size),
  }));
}

/** A part of an upload, and the range of another object that is copied into it. */
interface PartCopy {
  readonly upload: UploadRef;
  readonly number: number;
  readonly source: ObjectVersion;
  readonly range: ByteSpan;
}

/**
 * Copies a range inside the server. May be repeated: the same number replaces the part.
 * @throws ObjectReplacedError if the source was replaced, CopyRefusedError if the server cannot copy parts.
 */
export async function copyPart(caller: Caller, copy: PartCopy, signal: AbortSignal): Promise<StoredPart> {
  const { capabilities } = caller;
  checkCopySupport(caller);
  let outcome = await attemptCopy(caller, copy, signal, capabilities.hasConditionalCopy);
  if (outcome === 'condition failed') {
    // Swift 2.30 compares the condition of a multipart object with another ETag than the one it returns
    await checkSource(caller, copy.source, signal);
    capabilities.hasConditionalCopy = false;
    outcome = await attemptCopy(caller, copy, signal, false);
  }
  if (outcome === 'source not found' || outcome === 'condition failed') {
    await checkSource(caller, copy.source, signal);
    throw refuseCopy(caller, 'it does not find the object to copy');
  }
  return outcome;
}

/** Throws CopyRefusedError if an earlier call has shown that the server does not copy parts. */
export function checkCopySupport({ capabilities }: Caller): void {
  if (!capabilities.hasCopy) throw new CopyRefusedError('the server does not copy parts of objects');
}

/** Throws ObjectReplacedError if the source was replaced or removed. */
export async function checkSource(caller: Caller, source: ObjectVersion, signal: AbortSignal): Promise<void> {
  const present = await headObject(caller, source.name, { signal });
  if (present?.etag !== source.etag) throw objectReplaced(source.name);
}

async function attemptCopy(
  caller: Caller,
  { upload, number, source, range }: PartCopy,
  signal: AbortSignal,
  isConditional: boolean,
): Promise<StoredPart | 'condition failed' | 'source not found'> {
  const { bucket } = caller.settings;
  const about = `${upload.name} part ${number} from ${source.name} ${range.start}-${range.end - 1}`;
  const spec: CallSpec = { operation: 'UploadPartCopy', about, signal, isLongWork: true, hasOtherWay: true };
  /** Status and code of the response to the last attempt. Undefined if it had none. */
  let refusal: string | undefined;
  try {
    return await caller.run(spec, async (client, options, progress) => {
      refusal = undefined;
      let isEmptySuccess = false;
      const observed: SdkHandlerOptions = {
        ...options,
        onResponse(response) {
          isEmptySuccess = response.status === 200 && response.headers['content-length'] === '0';
          options.onResponse?.(response);
        },
      };
      try {
        const response = await client.send(
          new UploadPartCopyCommand({
            Bucket: bucket,
            Key: upload.name,
            UploadId: upload.uploadId,
            PartNumber: number,
            CopySource: `${bucket}/${source.name.split('/').map(encodeURIComponent).join('/')}`,
            CopySourceRange: `bytes=${range.start}-${range.end - 1}`,
            // AWS obeys this; radosgw 16.2.15 ignores it, so the upload also checks before and after
            CopySourceIfMatch: isConditional ? `"${source.etag}"` : undefined,
          }),
          observed,
        );
        const etag = bareEtag(response.CopyPartResult?.ETag);
        if (etag === undefined) throw refuseCopy(caller, 'its response has no ETag');
        progress.countCompleted(range.end - range.start);
        return { PartNumber: number, ETag: `"${etag}"` };
      } catch (error) {
        // rclone's S3 layer ignores the source and stores an empty part. The SDK turns its response into a 503
        if (isEmptySuccess) throw refuseCopy(caller, 'its response is empty', error);
        const failure = classify(error);
        if (failure.status !== undefined) refusal = failure.statusAndCode;
        if (isStatus(error, 412)) return 'condition failed';
        // A 416 means that another object has replaced the source, which had the range
        if (isStatus(error, 416) || isMissing(error)) return 'source not found';
        if (!failure.isRetryable && isStatus(error, ...REFUSED))
          throw refuseCopy(caller, String(error.status), error);
        throw failure;
      }
    });
  } catch (error) {
    // Every attempt failed with 5xx, or with 200 and an error in the body: a full save may still succeed
    if (error instanceof StoreUnavailableError && refusal !== undefined && !signal.aborted) {
      throw refuseCopy(caller, `${refusal} in every attempt`, error);
    }
    throw error;
  }
}

/** Statuses of servers that do not support the call, or process it as an upload without a body. */
const REFUSED = [400, 405, 411, 501];

/** Remembers that the server does not copy parts, and makes the error. */
function refuseCopy({ capabilities }: Caller, reason: string, cause?: unknown): CopyRefusedError {
  capabilities.hasCopy = false;
  return new CopyRefusedError(`the server does not copy parts of objects (${reason})`, { cause });
}
