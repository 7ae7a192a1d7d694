import { anySignal } from '../../retry/signals.ts';
import type { KeyPlace, LookupRequest } from '../backend.ts';
import { type ObjectInfo, type ObjectStore, orOldest, type RangeBytes } from '../object-store.ts';
import type { Miss } from '../outcomes.ts';
import { findElsewhere, type OtherScope } from './find-elsewhere.ts';

/** The object that matches a request. */
export interface FoundObject extends ObjectInfo {
  readonly kind: 'found';
  readonly key: string;
  /** Its last bytes, where they came along. */
  readonly tail: RangeBytes | undefined;
}

/**
 * Finds the object that a step restores, in GitHub's order: for each scope the exact key, then the newest entry whose key
 * starts with the primary key, then for each restore-key the newest that starts with it. As in actions/cache, a match in a
 * nearer scope precedes a better match in another one.
 *
 * Requests all exact names at once, then all listings at once. An exact hit in the first scope costs one round trip and waits
 * for nothing else; a miss costs two (and one more for each further page). The listing for a diagnosis is sent along with the
 * others, before it is known that they end in a miss. With `tailBytes` > 0 an exact hit comes with its last bytes. Objects whose
 * names are in `rejected` do not match.
 */
export async function findObject(
  store: ObjectStore,
  request: LookupRequest,
  tailBytes: number,
  rejected: ReadonlySet<string> = new Set(),
): Promise<FoundObject | Miss> {
  const others = new AbortController();
  try {
    return await search(store, request, tailBytes, rejected, anySignal(others.signal, request.signal));
  } finally {
    others.abort();
  }
}

async function search(
  store: ObjectStore,
  request: LookupRequest,
  tailBytes: number,
  rejected: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<FoundObject | Miss> {
  const { places, primaryKey, restoreKeys } = request;
  const probes = places
    .map(place => place.objectName(primaryKey))
    .map(name =>
      rejected.has(name) ? undefined : unobserved(probe(store, name, primaryKey, tailBytes, signal)),
    );
  let exact: FoundObject | undefined;
  let exactAt = 0;
  for (; exactAt < probes.length; exactAt++) {
    exact = await probes[exactAt];
    if (exact) break;
  }
  const prefixes = [...new Set([primaryKey, ...restoreKeys])];
  const listings = places
    .slice(0, exactAt)
    .flatMap(place =>
      prefixes.map(prefix => unobserved(list(store, place, prefix, request, rejected, signal))),
    );
  const elsewhere = exact ? undefined : findElsewhere(store, request, signal);
  let keyInOtherVersion = false;
  for (const listing of listings) {
    const listed = await listing;
    keyInOtherVersion ||= listed.keyInOtherVersion;
    if (listed.newest) return listed.newest;
  }
  if (exact) return exact;
  const diagnosis = diagnose(request, keyInOtherVersion, keyInOtherVersion ? undefined : await elsewhere);
  return { kind: 'miss', diagnosis };
}

function diagnose(
  { primaryKey }: LookupRequest,
  keyInOtherVersion: boolean,
  elsewhere: OtherScope | undefined,
): string | undefined {
  if (keyInOtherVersion)
    return `The key '${primaryKey}' exists, but it was saved with other paths or on another operating system.`;
  if (!elsewhere) return undefined;
  const place = `The key '${primaryKey}' exists for ${elsewhere.label}, which this run does not read (input \`scope\`)`;
  return elsewhere.sameVersion
    ? `${place}.`
    : `${place}, and it was saved with other paths or on another operating system.`;
}

/** Returns the promise, whose rejection may stay unhandled when an earlier match decides. */
function unobserved<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

async function probe(
  store: ObjectStore,
  name: string,
  key: string,
  tailBytes: number,
  signal: AbortSignal,
): Promise<FoundObject | undefined> {
  if (tailBytes === 0) {
    const info = await store.head(name, { signal });
    return info && foundObject(key, info);
  }
  const tail = await store.getRange(name, { suffix: tailBytes }, { signal });
  return tail && { ...foundObject(key, { ...tail, name }), tail };
}

/** Any writer of the bucket chooses the keys in a listing, and a matched key goes to outputs and the log. */
const CONTROL_CHARACTER = /[\p{Cc}\u2028\u2029]/u;

interface Listed {
  readonly newest: FoundObject | undefined;
  readonly keyInOtherVersion: boolean;
}

async function list(
  store: ObjectStore,
  place: KeyPlace,
  prefix: string,
  { primaryKey, version }: LookupRequest,
  rejected: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<Listed> {
  let newest: FoundObject | undefined;
  let keyInOtherVersion = false;
  for await (const info of store.list(place.listPrefix(prefix), { signal })) {
    const parsed = place.parse(info.name);
    if (!parsed?.key.startsWith(prefix) || rejected.has(info.name)) continue;
    // The requested part is the user's own, and may have line breaks
    if (CONTROL_CHARACTER.test(parsed.key.slice(prefix.length))) continue;
    if (parsed.version !== version) keyInOtherVersion ||= parsed.key === primaryKey;
    else if (!newest || orOldest(info.modifiedMs) >= orOldest(newest.modifiedMs))
      newest = foundObject(parsed.key, info);
  }
  if (newest?.etag === '') {
    // The ETag, which a listing may lack, pins the reads
    const info = await store.head(newest.name, { signal });
    newest = info && foundObject(newest.key, info);
  }
  return { newest, keyInOtherVersion };
}

function foundObject(key: string, info: ObjectInfo): FoundObject {
  const { name, etag, sizeBytes, modifiedMs } = info;
  return { kind: 'found', key, name, etag, sizeBytes, modifiedMs, tail: undefined };
}
