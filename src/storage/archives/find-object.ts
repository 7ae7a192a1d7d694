import { anySignal } from '../../retry/signals.ts';
import type { KeyPlace, LookupRequest } from '../backend.ts';
import { type ObjectInfo, type ObjectStore, orOldest, type RangeBytes } from '../object-store.ts';
import type { Miss } from '../outcomes.ts';

/** The object that matches a request. */
export interface FoundObject extends ObjectInfo {
  readonly kind: 'found';
  readonly key: string;
  /** The last bytes of the object, if the lookup has read them. */
  readonly tail: RangeBytes | undefined;
}

/**
 * Finds the object that a step restores, in GitHub's order. For each place this is the exact key, then the newest object whose
 * key starts with the primary key, then the newest one for each restore-key. As in actions/cache, any match in a nearer place
 * precedes a better match in another one.
 *
 * Requests all exact names at once, then all listings at once. An exact hit in the first place takes one round trip and waits for
 * nothing else. A miss takes two, and one more for each further page. The listing for a diagnosis is sent together with the
 * others. With `tailBytes` > 0 an exact hit has its last bytes. Objects whose names are in `rejected` do not match.
 */
export async function findObject(
  store: ObjectStore,
  request: LookupRequest,
  tailBytes: number,
  rejected: ReadonlySet<string> = new Set(),
): Promise<FoundObject | Miss> {
  const unneeded = new AbortController();
  const signal = anySignal(unneeded.signal, request.signal);
  try {
    return await find({ store, request, tailBytes, rejected, signal });
  } finally {
    unneeded.abort();
  }
}

interface Search {
  readonly store: ObjectStore;
  readonly request: LookupRequest;
  readonly tailBytes: number;
  readonly rejected: ReadonlySet<string>;
  readonly signal: AbortSignal;
}

async function find(search: Search): Promise<FoundObject | Miss> {
  const { places, primaryKey, restoreKeys } = search.request;
  const names = places.map(place => place.objectName(primaryKey));
  const probes = names.map(name => ignoreFailure(probe(search, name)));
  let exact: FoundObject | undefined;
  let exactAt = 0;
  for (; exactAt < probes.length; exactAt++) {
    exact = await probes[exactAt];
    if (exact) break;
  }
  const prefixes = [...new Set([primaryKey, ...restoreKeys])];
  const listings = places
    .slice(0, exactAt)
    .flatMap(place => prefixes.map(prefix => ignoreFailure(list(search, place, prefix))));
  const elsewhere = exact ? undefined : diagnoseElsewhere(search);
  let hasOtherVersion = false;
  for (const listing of listings) {
    const listed = await listing;
    hasOtherVersion ||= listed.hasOtherVersion;
    if (listed.newest) return listed.newest;
  }
  if (exact) return exact;
  const diagnosis = hasOtherVersion
    ? `The key '${primaryKey}' exists, but it was saved with other paths or on another operating system.`
    : await elsewhere;
  return { kind: 'miss', diagnosis };
}

/** Returns the promise, and ignores its failure where an earlier match makes it needless. */
function ignoreFailure<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

/** Finds the object of the primary key that has this name. */
async function probe(
  { store, request, tailBytes, rejected, signal }: Search,
  name: string,
): Promise<FoundObject | undefined> {
  if (rejected.has(name)) return undefined;
  const key = request.primaryKey;
  if (tailBytes === 0) {
    const info = await store.head(name, { signal });
    return info && foundObject(key, info);
  }
  const tail = await store.getRange(name, { suffix: tailBytes }, { signal });
  return tail && { ...foundObject(key, { ...tail, name }), tail };
}

/** Characters that a key in a listing may not have: others choose it, and a match is written to outputs and the log. */
const CONTROL_CHARACTER = /[\p{Cc}\u2028\u2029]/u;

interface Listed {
  readonly newest: FoundObject | undefined;
  readonly hasOtherVersion: boolean;
}

async function list(
  { store, request, rejected, signal }: Search,
  place: KeyPlace,
  prefix: string,
): Promise<Listed> {
  const { primaryKey, version } = request;
  let newest: FoundObject | undefined;
  let hasOtherVersion = false;
  for await (const info of store.list(place.listPrefix(prefix), { signal })) {
    const parsed = place.parse(info.name);
    if (!parsed?.key.startsWith(prefix) || rejected.has(info.name)) continue;
    // The prefix is from the step's inputs, and may have line breaks
    if (CONTROL_CHARACTER.test(parsed.key.slice(prefix.length))) continue;
    if (parsed.version !== version) hasOtherVersion ||= parsed.key === primaryKey;
    else if (!newest || orOldest(info.modifiedMs) >= orOldest(newest.modifiedMs))
      newest = foundObject(parsed.key, info);
  }
  if (newest && (newest.etag === '' || !Number.isSafeInteger(newest.sizeBytes))) {
    // All reads of the object require its ETag, which a listing may lack. Its size may not be a number
    const info = await store.head(newest.name, { signal });
    newest = info && foundObject(newest.key, info);
  }
  return { newest, hasOtherVersion };
}

function foundObject(key: string, info: ObjectInfo): FoundObject {
  const { name, etag, sizeBytes, modifiedMs } = info;
  return { kind: 'found', key, name, etag, sizeBytes, modifiedMs, tail: undefined };
}

/** Longest time in ms that a miss waits for its diagnosis. */
const DIAGNOSIS_MS = 2000;

/**
 * Searches the first page of the repository's names for the primary key in scopes that this step does not read. Returns a sentence
 * about one of them. Returns undefined if the page has none, or the listing fails. Never rejects.
 */
async function diagnoseElsewhere({ store, request, signal }: Search): Promise<string | undefined> {
  const { elsewhere, places, primaryKey, version } = request;
  if (!elsewhere) return undefined;
  const read = new Set(places.map(({ label }) => label));
  const limit = AbortSignal.any([signal, AbortSignal.timeout(DIAGNOSIS_MS)]);
  let found: ReturnType<typeof elsewhere.parse>;
  try {
    for await (const { name } of store.list(elsewhere.root, { signal: limit, optional: true })) {
      const entry = elsewhere.parse(name);
      if (entry?.key !== primaryKey || read.has(entry.label)) continue;
      // If the version is this step's, only the scope differs
      if (!found || entry.version === version) found = entry;
      if (found.version === version) break;
    }
  } catch {
    // The server may be slow, or a bucket policy may refuse this listing: a miss has no diagnosis then
  }
  if (!found) return undefined;
  const start = `The key '${primaryKey}' exists for ${found.label}, which this run does not read (input \`scope\`)`;
  if (found.version === version) return `${start}.`;
  return `${start}, and it was saved with other paths or on another operating system.`;
}
