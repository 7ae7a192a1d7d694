import { StoreUnavailableError } from '../errors.ts';
import type { ListOptions, ObjectInfo } from '../object-store.ts';
import type { Caller } from './call.ts';
import { bareEtag } from './names.ts';
import { ListObjectsV2Command, type ListObjectsV2CommandOutput } from './sdk.ts';

/** All objects under `prefix`, page after page, or those of the first page. May be repeated: reads only, and the token names the place. */
export async function* listObjects(
  caller: Caller,
  prefix: string,
  { signal, glance = false }: ListOptions = {},
): AsyncGenerator<ObjectInfo> {
  let token: string | undefined;
  do {
    const page: ListObjectsV2CommandOutput = await caller.run(
      { operation: 'ListObjectsV2', about: prefix, signal, optional: glance },
      (client, options) =>
        client.send(
          new ListObjectsV2Command({
            Bucket: caller.settings.bucket,
            Prefix: prefix,
            ...(token !== undefined && { ContinuationToken: token }),
          }),
          options,
        ),
    );
    for (const { Key, Size, ETag, LastModified } of page.Contents ?? []) {
      yield {
        name: Key ?? '',
        sizeBytes: Size ?? 0,
        etag: bareEtag(ETag) ?? '',
        modifiedMs: LastModified?.getTime() ?? 0,
      };
    }
    if (glance) return;
    if (page.IsTruncated && page.NextContinuationToken === token) {
      throw new StoreUnavailableError(`the listing of ${prefix} has no end: the endpoint repeats a page`);
    }
    token = page.IsTruncated ? page.NextContinuationToken : undefined;
  } while (token !== undefined);
}
