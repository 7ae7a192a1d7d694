import type { Readable } from 'node:stream';
import { checkName } from '../../object-name.ts';
import type { ObjectInfo } from '../../object-store.ts';
import { StoreUnavailableError } from '../../store-errors.ts';
import type { Caller } from '../calls/caller.ts';
import { bareEtag, SAVE_ID } from '../calls/object-headers.ts';
import { isMissing, isStatus } from '../calls/s3-errors.ts';
import { GetObjectCommand, HeadObjectCommand } from '../calls/sdk.ts';

export interface HeadInfo extends ObjectInfo {
  /** The id of the upload that stored it; undefined: none of ours did. */
  readonly saveId: string | undefined;
}

/** undefined: no such object. May be repeated: reads only. */
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
          `${name}: the answer to HEAD has no ETag or length; this is no S3 server`,
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
      // A refusal of HEAD has no body, so no code: the same question as a GET says what is wrong.
      if (isStatus(error, 403)) {
        const get = await client.send(new GetObjectCommand({ Bucket, Key, Range: 'bytes=0-0' }), options);
        (get.Body as Readable).destroy();
      }
      throw error;
    }
  });
}
