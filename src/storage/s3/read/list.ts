import { anySignal, deadline } from '../../../retry/signals.ts';
import { type ListOptions, MAX_OBJECT_NAME_BYTES, type ObjectInfo } from '../../object-store.ts';
import { StoreUnavailableError } from '../../store-errors.ts';
import type { Caller } from '../calls/caller.ts';
import { MAX_LISTING_BYTES } from '../calls/sdk-request-handler.ts';
import { describeBucket } from '../s3-settings.ts';
import { type ListPage, listPage } from './list-page.ts';

/** Bound of one listing of a step, in pages: a million objects. */
const MAX_PAGES = 1000;
/** Bound of a listing of any length, in pages: 10^8 objects. */
const MAX_PAGES_OF_ANY_LENGTH = 100_000;
/** Bound of both, in consecutive pages without an object. */
const MAX_EMPTY_PAGES = 32;
/** Longest ETag of an object, in characters. S3 has 38, and Swift 66. */
const MAX_ETAG_LENGTH = 1024;
/** Longest continuation token, in characters: servers do not accept the longer URL of the next request (nginx: 8 KiB). */
const MAX_TOKEN_LENGTH = 8192;
/** Time limit for one listing of a step, in ms. */
const LISTING_MS = 45_000;

/**
 * Lists all objects under `prefix`, page after page. An optional listing has only the first page. Skips names outside the prefix,
 * and objects with a longer name or ETag than S3 has.
 * @throws StoreUnavailableError for a listing that has no end or too long a token, or takes longer than 45 s unless
 * `hasAnyLength` is set.
 */
export async function* listObjects(
  caller: Caller,
  prefix: string,
  { signal, optional = false, hasAnyLength = false }: ListOptions = {},
): AsyncGenerator<ObjectInfo> {
  const { bucket } = caller.settings;
  const listing = `${describeBucket(caller.settings)}: the listing of ${prefix}`;
  const checkEnd = createEndCheck(listing, hasAnyLength ? MAX_PAGES_OF_ANY_LENGTH : MAX_PAGES);
  const limit = hasAnyLength ? undefined : deadline(LISTING_MS, caller.clock);
  let token: string | undefined;
  try {
    do {
      const page: ListPage = await caller.run(
        {
          operation: 'ListObjectsV2',
          about: prefix,
          signal: anySignal(signal, limit?.signal),
          optional,
          maxBodyBytes: MAX_LISTING_BYTES,
        },
        (client, options) =>
          listPage(client, { Bucket: bucket, Prefix: prefix, ContinuationToken: token }, options),
      );
      for (const object of page.objects) if (isObjectUnder(prefix, object)) yield object;
      if (optional) return;
      if (hasAnyLength) caller.forgetWaits();
      checkEnd(page);
      token = page.next;
      if (token !== undefined && token.length > MAX_TOKEN_LENGTH) throw longToken(listing, token.length);
    } while (token !== undefined);
  } catch (error) {
    if (error !== limit?.signal.reason || signal?.aborted) throw error;
    throw new StoreUnavailableError(`${listing} takes longer than ${LISTING_MS / 1000} s`, { cause: error });
  } finally {
    limit?.clear();
  }
}

function longToken(listing: string, length: number): StoreUnavailableError {
  return new StoreUnavailableError(`${listing} cannot be continued: its token has ${length} characters`);
}

function isObjectUnder(prefix: string, { name, etag }: ObjectInfo): boolean {
  return name.startsWith(prefix) && name.length <= MAX_OBJECT_NAME_BYTES && etag.length <= MAX_ETAG_LENGTH;
}

/**
 * Creates the function that counts a page, and throws StoreUnavailableError if it shows that the listing has no end. Tokens prove
 * nothing, because a server can send a new one with every page. The order of names proves nothing, because some servers list in no
 * order (Storj, directory buckets of AWS). A repeated name is a proof: Brent's algorithm finds pages that repeat, and keeps one name.
 */
function createEndCheck(listing: string, maxPages: number): (page: ListPage) => void {
  let pages = 0;
  let emptyPages = 0;
  /** First name of the latest page whose number is a power of two. */
  let keptName = '';
  const endless = (reason: string) =>
    new StoreUnavailableError(`${listing} has no end: the endpoint sends ${reason}`);
  return ({ objects: [first] }) => {
    if (++pages > maxPages) throw endless(`more than ${maxPages} pages`);
    emptyPages = first ? 0 : emptyPages + 1;
    if (emptyPages > MAX_EMPTY_PAGES) throw endless('many pages without an object');
    if (!first) return;
    if (first.name === keptName) throw endless('the same names again');
    if (Number.isInteger(Math.log2(pages))) keptName = first.name;
  };
}
