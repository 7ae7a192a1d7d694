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
/** Bound of both, in consecutive pages without an object. */
const MAX_EMPTY_PAGES = 32;
/** Time limit for one listing of a step, in ms. */
const LISTING_MS = 45_000;

/**
 * Lists all objects under `prefix`, page after page. An optional listing has only the first page. Skips names outside the prefix.
 * @throws StoreUnavailableError for a listing that has no end, or takes longer than 45 s unless `hasAnyLength` is set.
 */
export async function* listObjects(
  caller: Caller,
  prefix: string,
  { signal, optional = false, hasAnyLength = false }: ListOptions = {},
): AsyncGenerator<ObjectInfo> {
  const { bucket } = caller.settings;
  const listing = `${describeBucket(caller.settings)}: the listing of ${prefix}`;
  const endCheck = new EndCheck(listing, hasAnyLength ? MAX_PAGES_OF_ANY_LENGTH : MAX_PAGES);
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
      for (const object of page.objects) if (object.name.startsWith(prefix)) yield object;
      if (optional) return;
      if (hasAnyLength) caller.forgetWaits();
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
 * Detects a listing without an end. Tokens prove nothing, because a server can send a new one with every page. The order of names
 * proves nothing, because some servers list in no order (Storj, directory buckets of AWS). A repeated name is a proof: Brent's
 * algorithm finds pages that repeat, and keeps one name.
 */
class EndCheck {
  readonly #listing: string;
  readonly #maxPages: number;
  #pages = 0;
  #emptyPages = 0;
  /** First name of the latest page whose number is a power of two. */
  #keptName = '';

  constructor(listing: string, maxPages: number) {
    this.#listing = listing;
    this.#maxPages = maxPages;
  }

  /** Counts a page. Throws StoreUnavailableError if it shows that the listing has no end. */
  add({ objects }: ListPage): void {
    if (++this.#pages > this.#maxPages) throw this.#endless(`more than ${this.#maxPages} pages`);
    const [first] = objects;
    if (!first) {
      if (++this.#emptyPages > MAX_EMPTY_PAGES) throw this.#endless('many pages without an object');
      return;
    }
    this.#emptyPages = 0;
    if (first.name === this.#keptName) throw this.#endless('the same names again');
    if (Number.isInteger(Math.log2(this.#pages))) this.#keptName = first.name;
  }

  #endless(reason: string): StoreUnavailableError {
    return new StoreUnavailableError(`${this.#listing} has no end: the endpoint sends ${reason}`);
  }
}
