import type { Readable } from 'node:stream';
import type { ObjectInfo, OptionalCallOptions } from '../../object-store.ts';
import { type StoreError, StoreUnavailableError } from '../../store-errors.ts';
import type { Caller } from '../calls/caller.ts';
import { bareEtag, SAVE_ID } from '../calls/object-headers.ts';
import {
  GetObjectCommand,
  type GetObjectCommandOutput,
  HeadObjectCommand,
  type S3Client,
} from '../calls/sdk.ts';
import type { SdkHandlerOptions } from '../calls/sdk-request-handler.ts';
import { isWebPage, webPageError } from '../errors/proxy-refusals.ts';
import { isMissing, isStatus } from '../errors/response-error.ts';
import { knownTime } from '../known-time.ts';

/** Metadata of an object, with the id of its upload. */
export interface HeadInfo extends ObjectInfo {
  /** The id of the upload that stored the object. Undefined if it was stored by another program. */
  readonly saveId: string | undefined;
}

/**
 * Returns the metadata of an object. Returns undefined if there is none.
 *
 * A GET of one byte replaces a HEAD that is refused, because the refusal of a GET has a code. It also replaces a HEAD without a
 * length, which reverse proxies that send the body in chunks leave out. An optional call sends no GET after a 400 or 403.
 */
export async function headObject(
  caller: Caller,
  name: string,
  { signal, optional = false }: OptionalCallOptions = {},
): Promise<HeadInfo | undefined> {
  const spec = { operation: 'HeadObject', about: name, signal, optional };
  return caller.run(spec, async (client, options) => {
    try {
      const info = caller.capabilities.hasHead
        ? await infoByHead(caller, client, name, options, optional)
        : 'refused';
      return info === 'refused' ? await infoByGet(caller, client, name, options) : info;
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  });
}

/** Fields that the SDK returns for both HEAD and GET. */
type ObjectHeaders = Pick<
  GetObjectCommandOutput,
  'ContentType' | 'ETag' | 'LastModified' | 'Metadata' | 'VersionId'
>;

async function infoByHead(
  caller: Caller,
  client: S3Client,
  name: string,
  options: SdkHandlerOptions,
  optional: boolean,
): Promise<HeadInfo | 'refused'> {
  const { settings, capabilities } = caller;
  try {
    const response = await client.send(
      new HeadObjectCommand({ Bucket: settings.bucket, Key: name }),
      options,
    );
    if (response.ContentLength !== undefined) return infoOf(caller, name, response, response.ContentLength);
    capabilities.hasHead = false;
  } catch (error) {
    if (isStatus(error, 405, 501)) capabilities.hasHead = false;
    // The refusal of a HEAD has no body, and so no code
    else if (optional || !isStatus(error, 400, 403)) throw error;
  }
  return 'refused';
}

async function infoByGet(
  caller: Caller,
  client: S3Client,
  name: string,
  options: SdkHandlerOptions,
): Promise<HeadInfo> {
  const { bucket } = caller.settings;
  const streamed: SdkHandlerOptions = { ...options, maxBodyBytes: 'stream' };
  const get = async (Range?: string) => {
    const command = new GetObjectCommand({ Bucket: bucket, Key: name, Range });
    const response = await client.send(command, streamed);
    // The body, one byte or the whole object, is not needed
    (response.Body as Readable).destroy();
    return response;
  };
  let isEmpty = false;
  const response = await get('bytes=0-0').catch(error => {
    if (!isStatus(error, 416)) throw error;
    // A 416 means that the object is empty
    isEmpty = true;
    return get();
  });
  const total = isEmpty ? '0' : /\/(\d{1,15})$/.exec(response.ContentRange ?? '')?.[1];
  const sizeBytes = total === undefined ? response.ContentLength : Number(total);
  if (sizeBytes === undefined) {
    if (isWebPage(response.ContentType)) throw webPageError(name);
    throw new StoreUnavailableError(`${name}: the endpoint does not return the length of an object`);
  }
  return infoOf(caller, name, response, sizeBytes);
}

function infoOf({ capabilities }: Caller, name: string, headers: ObjectHeaders, sizeBytes: number): HeadInfo {
  const etag = bareEtag(headers.ETag);
  if (etag === undefined) throw noEtagError(name, headers.ContentType);
  capabilities.noteVersion(headers.VersionId);
  const modifiedMs = knownTime(headers.LastModified);
  return { name, sizeBytes, etag, modifiedMs, saveId: headers.Metadata?.[SAVE_ID] };
}

/** Makes the error for a response without an ETag. Only an ETag proves that two ranges belong to one object. */
export function noEtagError(name: string, contentType: string | undefined): StoreError {
  if (isWebPage(contentType)) return webPageError(name);
  return new StoreUnavailableError(
    `${name}: the response has no ETag; the server or a proxy in front does not send it`,
  );
}
