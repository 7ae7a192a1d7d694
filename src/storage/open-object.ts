import { DamagedArchiveError } from '../archive/archive-errors.ts';
import { TAIL_BYTES } from '../archive/format/limits.ts';
import type { CreateEntryCheck } from '../archive/format/manifest/manifest-reader.ts';
import { type OpenArchive, openArchive } from '../archive/format/open-archive.ts';
import { shortenName } from '../archive/fs/paths/names.ts';
import type { ReadInWorker } from '../archive/restore/unpack.ts';
import { anySignal } from '../retry/signals.ts';
import type { FoundObject } from './find-object.ts';
import type { ObjectStore, ObjectVersion } from './object-store.ts';
import { ObjectMissingError, type ObjectReplacedError } from './store-errors.ts';

/** Reads the archive in an object. */

type RangeReader = (start: number, end: number, signal?: AbortSignal) => Promise<Uint8Array<ArrayBuffer>>;

interface RangeReaders {
  readonly read: RangeReader;
  readonly readInWorker: ReadInWorker | undefined;
}

/** Returns the functions that read from the object until `stop` or a signal of their own is aborted. */
export function rangeReaders(
  store: ObjectStore,
  found: FoundObject,
  stop: AbortSignal | undefined,
  onBytes: (count: number) => void,
): RangeReaders {
  const { name, etag, key } = found;
  const { workerReads } = store;
  // All ranges of a restore have one signal
  let latest: readonly [AbortSignal | undefined, AbortSignal | undefined] = [undefined, stop];
  const optionsFor = (signal: AbortSignal | undefined) => {
    if (latest[0] !== signal) latest = [signal, anySignal(stop, signal)];
    return { etag, signal: latest[1], onBytes };
  };
  const check = (wanted: number, got: number | undefined) => {
    if (got === undefined)
      throw new ObjectMissingError(`the object of key '${key}' was deleted while it was read`);
    if (got !== wanted) throw new DamagedArchiveError('it ends before the data that its manifest names');
  };
  return {
    read: async (start, end, signal) => {
      const answer = await store.getRange(name, { start, end }, optionsFor(signal));
      check(end - start, answer?.bytes.length);
      return answer!.bytes;
    },
    readInWorker:
      workerReads &&
      (async (start, end, buffer, signal) => {
        check(end - start, await workerReads.fetchRange(name, { start, end }, buffer, optionsFor(signal)));
      }),
  };
}

/** Reads the manifest of an object. Throws as `openObject` does, and what `createCheck` throws. */
export async function openFound(
  found: FoundObject,
  read: RangeReader,
  signal: AbortSignal | undefined,
  createCheck?: CreateEntryCheck,
): Promise<OpenArchive> {
  const start = Math.max(0, found.sizeBytes - TAIL_BYTES);
  const tail = found.tail ?? { start, bytes: await read(start, found.sizeBytes) };
  const archive = await openArchive(tail, found.sizeBytes, read, { createCheck, signal });
  checkIdentity(archive, found);
  return archive;
}

/**
 * Reads the manifest of an object, and no data of it. Throws `ObjectReplacedError` if its ETag has changed,
 * `ObjectMissingError` if it does not exist, and the errors of the archive and the store.
 */
export function openObject(
  store: ObjectStore,
  found: FoundObject,
  signal: AbortSignal | undefined,
): Promise<OpenArchive> {
  const { read } = rangeReaders(store, found, signal, () => {});
  return openFound(found, read, signal);
}

/**
 * Returns the damage of an object that is listed and has no data, as radosgw may leave it (ceph/ceph#60771). Returns
 * undefined if it is no longer listed.
 */
export async function damageOf(
  store: ObjectStore,
  { name, etag }: ObjectVersion,
  cause: ObjectReplacedError,
  signal: AbortSignal | undefined,
): Promise<DamagedArchiveError | undefined> {
  const present = await store.head(name, { signal });
  if (present?.etag !== etag) return undefined;
  return new DamagedArchiveError('the store lists it, but returns no data', { cause });
}

/** Refuses an archive that was copied to another name: it would be a hit for a key that it was not saved for. */
function checkIdentity({ manifest }: OpenArchive, found: FoundObject): void {
  if (manifest.head.object !== found.name) {
    throw new DamagedArchiveError(`it was saved under another name, ${shortenName(manifest.head.object)}`);
  }
}
