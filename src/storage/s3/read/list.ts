import { anySignal, deadline } from '../../../retry/signals.ts';
import type { ListOptions, ObjectInfo } from '../../object-store.ts';
import { StoreUnavailableError } from '../../store-errors.ts';
import type { Caller } from '../calls/caller.ts';
import { MAX_LISTING_BYTES } from '../calls/sdk-request-handler.ts';
import { describeBucket } from '../s3-settings.ts';
import { type ListPage, listPage } from './list-page.ts';

/** Bound of one listing of a step, in pages: a million objects. */
const MAX_PAGES = 1000;
/** Bound of a listing of any length, in pages: 10^8 objects. */
const MAX_PAGES_OF_ANY_LENGTH = 100_000;
/** Bound of both, in pages in a row without an object. */
const MAX_EMPTY_PAGES = 32;
/** Time limit for one listing of a step, in ms. */
const LISTING_MS = 45_000;

/**
 * Lists all objects under `prefix`, page after page, or those of the first page. Skips names outside the prefix.
 * @throws StoreUnavailableError for a listing that has no end.
 */
export async function* listObjects(
  caller: Caller,
  prefix: string,
  { signal, optional = false, anyLength = false }: ListOptions = {},
): AsyncGenerator<ObjectInfo> {
  const { bucket } = caller.settings;
  const listing = `${describeBucket(caller.settings)}: the listing of ${prefix}`;
  const endCheck = new EndCheck(listing, anyLength ? MAX_PAGES_OF_ANY_LENGTH : MAX_PAGES);
  const limit = anyLength ? undefined : deadline(LISTING_MS, caller.clock);
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
      for (const object of page.objects) if (object.name.startsWith(prefix)) yield object;
      if (optional) return;
      if (anyLength) caller.forgetWaits();
      endCheck.add(page);
      token = page.next;
    } while (token !== undefined);
  } catch (error) {
    if (error !== limit?.signal.reason || signal?.aborted) throw error;
    throw new StoreUnavailableError(`${listing} takes longer than ${LISTING_MS / 1000} s`, { cause: error });
  } finally {
    limit?.clear();
  }
}

/**
 * Detects a listing without an end. A server can send a new token with every page, and tokens are opaque. Names that do not
 * ascend are no proof, since some servers list in no order (Storj, directory buckets of AWS). But a repeated name is a
 * proof: pages that repeat are found by Brent's algorithm, which keeps one name.
 */
class EndCheck {
  readonly #listing: string;
  readonly #maxPages: number;
  #pages = 0;
  #emptyPages = 0;
  /** First name of an earlier page, whose number is a power of two. */
  #mark = '';

  constructor(listing: string, maxPages: number) {
    this.#listing = listing;
    this.#maxPages = maxPages;
  }

  add({ objects }: ListPage): void {
    if (++this.#pages > this.#maxPages) throw this.#endless(`more than ${this.#maxPages} pages`);
    const [first] = objects;
    if (!first) {
      if (++this.#emptyPages > MAX_EMPTY_PAGES) throw this.#endless('many pages without an object');
      return;
    }
    this.#emptyPages = 0;
    if (first.name === this.#mark) throw this.#endless('the same names again');
    if (Number.isInteger(Math.log2(this.#pages))) this.#mark = first.name;
  }

  #endless(reason: string): StoreUnavailableError {
    return new StoreUnavailableError(`${this.#listing} has no end: the endpoint sends ${reason}`);
  }
}
