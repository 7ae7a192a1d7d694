import { DamagedArchiveError } from '../../archive/archive-errors.ts';
import { TAIL_BYTES } from '../../archive/format/limits.ts';
import type { EntryCheckFactory } from '../../archive/format/manifest/manifest-reader.ts';
import { type OpenArchive, openArchive } from '../../archive/format/open-archive.ts';
import { shortenName } from '../../archive/fs/paths/names.ts';
import type { WorkerRangeRead } from '../../archive/restore/unpack.ts';
import { anySignal } from '../../retry/signals.ts';
import type { ByteSpan, ObjectStore, ObjectVersion, RangeBytes } from '../object-store.ts';
import {
  ObjectMissingError,
  type ObjectReplacedError,
  objectReplaced,
  rangesNotServedError,
} from '../store-errors.ts';
import type { FoundObject } from './find-object.ts';

/** Reads the archive in an object. */

interface RangeReaders {
  readonly read: (start: number, end: number, signal?: AbortSignal) => Promise<Uint8Array<ArrayBuffer>>;
  /** Reads the last bytes and the size of the object, which may be wrong in a listing. */
  readonly readTail: () => Promise<RangeBytes>;
  readonly readInWorker: WorkerRangeRead | undefined;
}

/** Creates the functions that read from an object until `stop` or the signal of a read is aborted. */
export function createRangeReaders(
  store: ObjectStore,
  found: FoundObject,
  stop: AbortSignal | undefined,
  onBytes: (count: number) => void,
): RangeReaders {
  const { name, etag, key } = found;
  const { workerReads } = store;
  // These signals are kept for the next range, because all ranges of a restore have one signal
  let latest: readonly [AbortSignal | undefined, AbortSignal | undefined] = [undefined, stop];
  const optionsFor = (signal: AbortSignal | undefined) => {
    if (latest[0] !== signal) latest = [signal, anySignal(stop, signal)];
    return { etag, signal: latest[1], onBytes };
  };
  const missing = () => new ObjectMissingError(`the object of key '${key}' was deleted while it was read`);
  const check = async ({ start, end }: ByteSpan, got: number | undefined) => {
    if (got === undefined) throw missing();
    if (got === end - start) return;
    // A single response does not prove damage
    const present = await store.head(name, { signal: stop });
    if (!present) throw missing();
    if (present.etag !== etag) throw objectReplaced(name);
    if (present.sizeBytes < end)
      throw new DamagedArchiveError('it ends before the data that its manifest names');
    const returned = `${got} bytes, although the object has ${present.sizeBytes}`;
    throw rangesNotServedError(name, `bytes ${start} to ${end}`, returned);
  };
  return {
    read: async (start, end, signal) => {
      const range = await store.getRange(name, { start, end }, optionsFor(signal));
      await check({ start, end }, range?.bytes.length);
      return range!.bytes;
    },
    readTail: async () => {
      const tail = await store.getRange(name, { suffix: TAIL_BYTES }, optionsFor(undefined));
      if (!tail) throw missing();
      return tail;
    },
    readInWorker:
      workerReads &&
      (async (start, end, buffer, signal) => {
        const span = { start, end };
        await check(span, await workerReads.fetchRange(name, span, buffer, optionsFor(signal)));
      }),
  };
}

/** Reads the manifest of an object. Throws the errors of `openObject` and of `createCheck`. */
export async function openFound(
  found: FoundObject,
  { read, readTail }: Pick<RangeReaders, 'read' | 'readTail'>,
  signal: AbortSignal | undefined,
  createCheck?: EntryCheckFactory,
): Promise<OpenArchive> {
  const tail = found.tail ?? (await readTail());
  const archive = await openArchive(tail, tail.sizeBytes, read, { createCheck, signal });
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
  const readers = createRangeReaders(store, found, signal, () => {});
  return openFound(found, readers, signal);
}

/**
 * Finds out why a read found no object of this ETag (`cause`). Returns an error if a HEAD still finds the object: it exists
 * without data, as radosgw may leave it (ceph/ceph#60771). Returns undefined if it was replaced or deleted.
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

/** Refuses an archive that was copied to another name, where it would be a hit of another key. */
function checkIdentity({ manifest }: OpenArchive, found: FoundObject): void {
  if (manifest.head.object !== found.name) {
    throw new DamagedArchiveError(`it was saved under another name, ${shortenName(manifest.head.object)}`);
  }
}
