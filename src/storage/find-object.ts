import type { LookupRequest, MatchStep } from './backend.ts';
import { findElsewhere, type OtherPlace } from './find-elsewhere.ts';
import type { ObjectInfo, ObjectStore, RangeBytes } from './object-store.ts';

/** The object that answers a lookup. */
export interface FoundObject {
  readonly key: string;
  readonly name: string;
  readonly etag: string;
  readonly sizeBytes: number;
  /** Its last bytes, where they came with the answer. */
  readonly tail: RangeBytes | undefined;
}

/** What a lookup came to know. */
export interface LookupResult {
  readonly found: FoundObject | undefined;
  /** The primary key itself was seen in another version: its paths or system differ. */
  readonly keyInOtherVersion: boolean;
  /** A place that this step does not read has the primary key. Looked for when nothing else tells why it is a miss. */
  readonly elsewhere: OtherPlace | undefined;
}

/**
 * Answers the questions of `request.plan`: all exact names at once, then all listings at once. An exact hit on the
 * first place costs one round trip and waits for nothing else; a miss costs two (and one more for each further page).
 * What a diagnosis needs is asked along with the listings, as it is not known then that they end in a miss.
 * `tailBytes` > 0 brings the last bytes of an exact hit along.
 */
export async function findObject(
  store: ObjectStore,
  request: LookupRequest,
  tailBytes: number,
): Promise<LookupResult> {
  const others = new AbortController();
  const signal = request.signal ? AbortSignal.any([request.signal, others.signal]) : others.signal;
  try {
    return await answer(store, request, tailBytes, signal);
  } finally {
    others.abort();
  }
}

async function answer(
  store: ObjectStore,
  request: LookupRequest,
  tailBytes: number,
  signal: AbortSignal,
): Promise<LookupResult> {
  const { plan } = request;
  const probes = plan.map(step =>
    step.kind === 'exact' ? unobserved(probe(store, step, tailBytes, signal)) : undefined,
  );
  let exactAt = plan.length;
  let exact: FoundObject | undefined;
  for (const [index, answer] of probes.entries()) {
    exact = await answer;
    if (!exact) continue;
    exactAt = index;
    break;
  }
  // What stands before the exact hit in the plan takes precedence over it
  const steps = plan.slice(0, exactAt).filter(step => step.kind === 'prefix');
  const listings = steps.map(step => unobserved(list(store, step, request, signal)));
  const elsewhere = exact ? undefined : findElsewhere(store, request, signal);
  let keyInOtherVersion = false;
  for (const listing of listings) {
    const listed = await listing;
    keyInOtherVersion ||= listed.keyInOtherVersion;
    if (listed.newest) return { found: listed.newest, keyInOtherVersion, elsewhere: undefined };
  }
  const explained = exact !== undefined || keyInOtherVersion;
  return { found: exact, keyInOtherVersion, elsewhere: explained ? undefined : await elsewhere };
}

/** A promise that may be left unobserved when an earlier answer settles the question. */
function unobserved<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

async function probe(
  store: ObjectStore,
  { space, key }: MatchStep,
  tailBytes: number,
  signal: AbortSignal,
): Promise<FoundObject | undefined> {
  const name = space.objectName(key);
  if (tailBytes === 0) {
    const info = await store.head(name, { signal });
    return info && { key, name, etag: info.etag, sizeBytes: info.sizeBytes, tail: undefined };
  }
  const tail = await store.getRange(name, { suffix: tailBytes }, { signal });
  return tail && { key, name, etag: tail.etag, sizeBytes: tail.sizeBytes, tail };
}

interface Listed {
  readonly newest: FoundObject | undefined;
  readonly keyInOtherVersion: boolean;
}

async function list(
  store: ObjectStore,
  { space, key: prefix }: MatchStep,
  { primaryKey, version }: LookupRequest,
  signal: AbortSignal,
): Promise<Listed> {
  let newest: { info: ObjectInfo; key: string } | undefined;
  let keyInOtherVersion = false;
  for await (const info of store.list(space.listPrefix(prefix), { signal })) {
    const parsed = space.parse(info.name);
    if (!parsed?.key.startsWith(prefix)) continue;
    if (parsed.version !== version) keyInOtherVersion ||= parsed.key === primaryKey;
    else if (!newest || info.modifiedMs >= newest.info.modifiedMs) newest = { info, key: parsed.key };
  }
  if (!newest) return { newest: undefined, keyInOtherVersion };
  const { name, etag, sizeBytes } = newest.info;
  return { newest: { key: newest.key, name, etag, sizeBytes, tail: undefined }, keyInOtherVersion };
}
