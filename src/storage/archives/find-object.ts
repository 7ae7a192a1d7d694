import { anySignal } from '../../retry/signals.ts';
import type { KeyPlace, LookupRequest } from '../backend.ts';
import { type ObjectInfo, type ObjectStore, orOldest, type RangeBytes } from '../object-store.ts';
import type { Miss } from '../outcomes.ts';
import { findElsewhere, type OtherScope } from './find-elsewhere.ts';

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
  try {
    return await search(store, request, tailBytes, rejected, anySignal(unneeded.signal, request.signal));
  } finally {
    unneeded.abort();
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
      rejected.has(name) ? undefined : ignoreFailure(probe(store, name, primaryKey, tailBytes, signal)),
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
      prefixes.map(prefix => ignoreFailure(list(store, place, prefix, request, rejected, signal))),
    );
  const elsewhere = exact ? undefined : findElsewhere(store, request, signal);
  let hasOtherVersion = false;
  for (const listing of listings) {
    const listed = await listing;
    hasOtherVersion ||= listed.hasOtherVersion;
    if (listed.newest) return listed.newest;
  }
  if (exact) return exact;
  const diagnosis = diagnose(request, hasOtherVersion, hasOtherVersion ? undefined : await elsewhere);
  return { kind: 'miss', diagnosis };
}

function diagnose(
  { primaryKey }: LookupRequest,
  hasOtherVersion: boolean,
  elsewhere: OtherScope | undefined,
): string | undefined {
  if (hasOtherVersion)
    return `The key '${primaryKey}' exists, but it was saved with other paths or on another operating system.`;
  if (!elsewhere) return undefined;
  const { label, hasSameVersion } = elsewhere;
  const start = `The key '${primaryKey}' exists for ${label}, which this run does not read (input \`scope\`)`;
  return `${start}${hasSameVersion ? '' : ', and it was saved with other paths or on another operating system'}.`;
}

/** Returns the promise, and ignores its failure where an earlier match makes it needless. */
function ignoreFailure<T>(promise: Promise<T>): Promise<T> {
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

/** Characters that a key in a listing may not have: others choose it, and a match is written to outputs and the log. */
const CONTROL_CHARACTER = /[\p{Cc}\u2028\u2029]/u;

interface Listed {
  readonly newest: FoundObject | undefined;
  readonly hasOtherVersion: boolean;
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
  if (newest?.etag === '') {
    // All reads of the object require its ETag, which a listing may lack
    const info = await store.head(newest.name, { signal });
    newest = info && foundObject(newest.key, info);
  }
  return { newest, hasOtherVersion };
}

function foundObject(key: string, info: ObjectInfo): FoundObject {
  const { name, etag, sizeBytes, modifiedMs } = info;
  return { kind: 'found', key, name, etag, sizeBytes, modifiedMs, tail: undefined };
}
