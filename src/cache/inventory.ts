import { getHeapStatistics } from 'node:v8';
import { hasHeap, trimHeap } from '../archive/memory/heap.ts';
import type { ObjectInfo, ObjectStore } from '../storage/object-store.ts';
import { StoreRefusedError, StoreUnavailableError } from '../storage/store-errors.ts';
import {
  type CacheName,
  cachesRoot,
  type MarkedCache,
  markersRoot,
  parseCacheName,
  parseMarkerName,
} from './keys/cache-names.ts';
import { parseTrialName, type TrialPlace } from './keys/trial-names.ts';

/** A cache of the store. */
export interface CacheEntry extends CacheName {
  readonly kind: 'cache';
  readonly object: ObjectInfo;
  /** The state of its marker (`markerName`), whose modification time is the last noted use. Undefined if there is none. */
  readonly marker: ObjectState | undefined;
}

/** The part of an object's metadata that changes when it is stored anew. */
export type ObjectState = Pick<ObjectInfo, 'etag' | 'modifiedMs'>;

/** A marker whose cache does not exist. */
interface StrayMarker {
  readonly kind: 'marker';
  readonly object: ObjectInfo;
  /** The cache that it belonged to. */
  readonly cache: MarkedCache;
}

/** An object of `cache-s3 doctor` among the caches or the markers. It is in use now, or the credentials did not allow deleting it. */
interface TrialObject {
  readonly kind: 'trial';
  readonly object: ObjectInfo;
  readonly place: TrialPlace;
}

/** An object among the caches that no release of this program has stored. It is never changed. */
interface ForeignObject {
  readonly kind: 'foreign';
  readonly object: ObjectInfo;
}

export type InventoryItem = CacheEntry | StrayMarker | TrialObject | ForeignObject;

interface InventoryOptions {
  /** Input `prefix`. */
  readonly prefix: string;
  /** Repository of the only caches to read: `owner/name`, or '' for those that all repositories share. */
  readonly repository?: string | undefined;
  /** Scope of the only caches to read, with `repository` (`CacheName.scope`). */
  readonly scope?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /**
   * Receives the error once if the store refuses to list the markers. Then no cache has a marker, and its last use is not known.
   * Without this function the refusal is thrown, because a cache whose use is not known must not count as unused.
   */
  readonly onMarkersRefused?: ((error: StoreRefusedError) => void) | undefined;
}

/** Number of objects of a listing between two checks of the heap, which would otherwise keep the garbage of hundreds of pages. */
const CHECK_EVERY = 2000;
const TRIM_ABOVE_BYTES = 64 * 1024 * 1024;
/**
 * Free bytes of the heap that a listing requires, for the objects until the next check and a sort of all objects. V8 counts 192
 * MiB for young objects to the heap (Node 24), which old ones cannot use.
 */
const ROOM_BYTES = 256 * 1024 * 1024;
/** Share of the heap that is enough where it is small: a container of 512 MiB has a heap of 259 MiB (Node 24). */
const ROOM_SHARE = 0.75;

/**
 * Reads the caches below a prefix in byte order of their objects' names, with their markers. Both listings are read side by side,
 * because markers have the order of their caches. So the memory in use does not grow with the number of objects.
 *
 * Throws the errors of the store, and `StoreUnavailableError` for a listing that is not in order, or when the caller keeps more of
 * it than this process has memory for.
 */
export async function* readInventory(
  store: ObjectStore,
  { prefix, repository, scope, signal, onMarkersRefused }: InventoryOptions,
): AsyncGenerator<InventoryItem> {
  let read = 0;
  const countRead = () => {
    if (++read % CHECK_EVERY === 0) checkHeap(read);
  };
  const listing = (root: string, whole: boolean) => store.list(root, { hasAnyLength: true, whole, signal });
  // `whole`, because the cache of a skipped marker would count as unused
  const markers = markersOf(prefix, listing(markersRoot(prefix, repository, scope), true), countRead);
  let refusal: StoreRefusedError | undefined;
  const readNext = () => {
    const next = markers.next().catch((error): IteratorResult<StrayMarker | TrialObject, void> => {
      if (!(error instanceof StoreRefusedError)) throw error;
      if (onMarkersRefused === undefined) throw unknownUse(error);
      refusal = error;
      return { done: true, value: undefined };
    });
    // The failure of the other listing may be first
    next.catch(() => {});
    return next;
  };
  try {
    // Both listings send their first request at once
    let ahead = readNext();
    // This is called after the listing of caches has responded: if both fail for the same reason, its error explains more
    const peek = async () => {
      const at = await ahead;
      if (refusal) onMarkersRefused?.(refusal);
      refusal = undefined;
      return at;
    };
    let last = '';
    let before: CacheName | undefined;
    for await (const listed of listing(cachesRoot(prefix, repository, scope), false)) {
      countRead();
      const object = ownObject(listed);
      const name = parseCacheName(prefix, object.name);
      // An object with an impossible size would falsify the limits on the size
      if (name === undefined || !isSize(object.sizeBytes)) {
        const place = parseTrialName(prefix, object.name);
        yield place ? { kind: 'trial', object, place } : { kind: 'foreign', object };
        continue;
      }
      checkOrder(last, object.name);
      last = object.name;
      before = {
        repository: ownText(name.repository, before?.repository),
        scope: ownText(name.scope, before?.scope),
        key: name.key,
        version: ownText(name.version, before?.version),
      };
      let marker: ObjectState | undefined;
      // Markers before the marker of this cache have no cache
      for (let at = await peek(); !at.done && isUpTo(at.value, object.name); at = await peek()) {
        if (at.value.kind === 'marker' && at.value.cache.objectName === object.name) {
          marker = stateOf(at.value.object);
        } else yield at.value;
        ahead = readNext();
      }
      yield { kind: 'cache', ...before, object, marker };
    }
    for (let at = await peek(); !at.done; at = await peek()) {
      yield at.value;
      ahead = readNext();
    }
  } finally {
    await markers.return(undefined).catch(() => {});
  }
}

/** Frees garbage. Throws if the heap has too little room for more objects: a server can list them without end. */
function checkHeap(read: number): void {
  trimHeap(TRIM_ABOVE_BYTES);
  if (hasHeap(Math.min(ROOM_BYTES, ROOM_SHARE * getHeapStatistics().heap_size_limit))) return;
  throw new StoreUnavailableError(
    `after ${read} objects of the listing Node.js has no memory for more; select the caches of one repository`,
  );
}

function unknownUse(error: StoreRefusedError): StoreRefusedError {
  return new StoreRefusedError(
    `the last use of the caches is not known, because the markers cannot be listed: ${error.message}`,
    error.settings,
    { cause: error },
  );
}

/**
 * Returns the time of the last noted use, in ms since 1970. The save of a cache is its first use. Returns undefined if the time
 * of the save or of the use is not known.
 */
export function lastUseMs({ object: { modifiedMs }, marker }: CacheEntry): number | undefined {
  if (modifiedMs === undefined || marker === undefined) return modifiedMs;
  return marker.modifiedMs === undefined ? undefined : Math.max(modifiedMs, marker.modifiedMs);
}

/** Returns whether an item of the listing of markers is a trial object, or the marker of this cache or of an earlier one. */
function isUpTo(item: StrayMarker | TrialObject, cacheObject: string): boolean {
  return item.kind === 'trial' || item.cache.objectName <= cacheObject;
}

async function* markersOf(
  prefix: string,
  listing: AsyncIterable<ObjectInfo>,
  countRead: () => void,
): AsyncGenerator<StrayMarker | TrialObject> {
  let last = '';
  let before: ObjectInfo | undefined;
  for await (const listed of listing) {
    countRead();
    const object = ownObject(listed, before);
    before = object;
    const cache = parseMarkerName(prefix, object.name);
    const place = cache ? undefined : parseTrialName(prefix, object.name);
    if (place) yield { kind: 'trial', object, place };
    // An object with content is no marker of this program: it is neither read as a use nor deleted
    if (cache === undefined || object.sizeBytes !== 0) continue;
    checkOrder(last, cache.objectName);
    last = cache.objectName;
    yield { kind: 'marker', object, cache };
  }
}

function isSize(bytes: number): boolean {
  return Number.isSafeInteger(bytes) && bytes >= 0;
}

/** Returns the state alone. The name of a marker follows from its cache's, and would need as much memory again. */
function stateOf({ etag, modifiedMs }: ObjectInfo): ObjectState {
  return { etag, modifiedMs };
}

/** Returns an object with copied texts. On most servers all objects without bytes have the ETag of `before`. */
function ownObject({ name, etag, sizeBytes, modifiedMs }: ObjectInfo, before?: ObjectInfo): ObjectInfo {
  return { name: ownText(name), etag: ownText(etag, before?.etag), sizeBytes, modifiedMs };
}

/**
 * Returns a copy of a text, or the text of the item before if they are equal. A part of a text keeps the whole text in memory
 * (V8): the names of a page of a listing would keep the page of 400 kB.
 */
function ownText(text: string, before?: string): string {
  return text === before ? before : Buffer.from(text).toString();
}

/** Throws for a name out of order. Names of caches and markers are ASCII, so the order of UTF-16 units is the order of bytes. */
function checkOrder(last: string, name: string): void {
  if (name > last) return;
  throw new StoreUnavailableError(`the endpoint lists ${name} after ${last}, which is not in byte order`);
}
