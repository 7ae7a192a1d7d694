import { checkName } from '../../object-name.ts';
import type { ObjectInfo } from '../../object-store.ts';
import { StoreUnavailableError } from '../../store-errors.ts';
import type { Caller } from '../calls/caller.ts';
import { bareEtag, SAVE_ID } from '../calls/object-headers.ts';
import { GetObjectCommand, HeadObjectCommand } from '../calls/sdk.ts';
import type { SdkHandlerOptions } from '../calls/sdk-request-handler.ts';
import { isMissing, isStatus } from '../errors/s3-errors.ts';

export interface HeadInfo extends ObjectInfo {
  /** The id of the upload that stored it. Undefined if it was not one of ours. */
  readonly saveId: string | undefined;
}

/** Describes an object. Returns undefined if there is none. May be repeated: reads only. */
export async function headObject(
  caller: Caller,
  name: string,
  signal?: AbortSignal,
): Promise<HeadInfo | undefined> {
  const Bucket = caller.settings.bucket;
  const Key = checkName(name);
  return caller.run({ operation: 'HeadObject', about: name, signal }, async (client, options) => {
    try {
      const answer = await client.send(new HeadObjectCommand({ Bucket, Key }), options);
      const etag = bareEtag(answer.ETag);
      if (etag === undefined || answer.ContentLength === undefined) {
        throw new StoreUnavailableError(
          `${name}: the response to HEAD has no ETag or length, so this is no S3 server`,
        );
      }
      return {
        name,
        sizeBytes: answer.ContentLength,
        etag,
        modifiedMs: answer.LastModified?.getTime() ?? 0,
        saveId: answer.Metadata?.[SAVE_ID],
      };
    } catch (error) {
      if (isMissing(error)) return undefined;
      // The refusal of a HEAD has no body, so no code; that of a GET has one.
      if (isStatus(error, 403)) {
        const get = new GetObjectCommand({ Bucket, Key, Range: 'bytes=0-0' });
        const streamed: SdkHandlerOptions = { ...options, maxBodyBytes: 'stream' };
        await client.send(get, streamed);
      }
      throw error;
    }
  });
}
