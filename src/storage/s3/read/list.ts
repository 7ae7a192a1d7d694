import type { ListOptions, ObjectInfo } from '../../object-store.ts';
import { StoreUnavailableError } from '../../store-errors.ts';
import type { Caller } from '../calls/caller.ts';
import { type ListPage, listPage } from './list-page.ts';

/** All objects under `prefix`, page after page, or those of the first page. May be repeated: reads only, and the token names the place. */
export async function* listObjects(
  caller: Caller,
  prefix: string,
  { signal, optional = false }: ListOptions = {},
): AsyncGenerator<ObjectInfo> {
  const { bucket } = caller.settings;
  let token: string | undefined;
  do {
    const page: ListPage = await caller.run(
      { operation: 'ListObjectsV2', about: prefix, signal, optional },
      (client, options) =>
        listPage(client, { Bucket: bucket, Prefix: prefix, ContinuationToken: token }, options),
    );
    yield* page.objects;
    if (optional) return;
    if (page.next !== undefined && page.next === token) {
      throw new StoreUnavailableError(`the listing of ${prefix} has no end: the endpoint repeats a page`);
    }
    token = page.next;
  } while (token !== undefined);
}
