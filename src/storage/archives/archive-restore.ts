import { TargetTreeError } from '../../archive/archive-errors.ts';
import { entryCheckOf } from '../../archive/check/validate.ts';
import { DiskCache } from '../../archive/disk-cache/disk-cache.ts';
import type { OpenArchive } from '../../archive/format/open-archive.ts';
import { hasStuckThread } from '../../archive/pool/stuck-threads.ts';
import { WorkerPool } from '../../archive/pool/worker-pool.ts';
import { restoreArchive } from '../../archive/restore/restore-archive.ts';
import { RestoreNotices } from '../../archive/restore/restore-notices.ts';
import { InlineRunner } from '../../archive/worker/worker.ts';
import type { JobRecords } from '../../records/job-records.ts';
import { writeTreeRecord } from '../../records/tree-record.ts';
import type { RestoreRequest } from '../backend.ts';
import type { ObjectStore } from '../object-store.ts';
import type { Restored } from '../outcomes.ts';
import type { ArchiveBackendOptions } from './archive-options.ts';
import type { FoundObject } from './find-object.ts';
import { createRangeReaders, openFound } from './open-object.ts';

/** Bytes of data up to which this thread restores an archive faster than a worker starts. */
const INLINE_BYTES = 2 * 1024 * 1024;
/** Bytes of data up to which this thread restores on a crowded host: it takes 0.7 CPU seconds (ADR 0021). */
const INLINE_BYTES_IN_CROWD = 128 * 1024 * 1024;

interface RestoredObject extends Pick<Restored, 'fetchedBytes' | 'diskBytes'> {
  readonly entries: number;
  /** Bytes of file data written. */
  readonly rawBytes: number;
}

/**
 * Restores the object that a lookup found. Starts again without the disk cache if that stops responding. Throws
 * `ObjectReplacedError` if the object has been replaced, `ObjectMissingError` if it has no data, and the errors of the archive
 * and the store.
 */
export async function restoreObject(
  store: ObjectStore,
  found: FoundObject,
  request: RestoreRequest,
  options: ArchiveBackendOptions,
): Promise<RestoredObject> {
  const disk = openDiskCache(store, found, options);
  try {
    return await restoreWith(disk, store, found, request, options).finally(() => disk?.close());
  } catch (error) {
    const canRepeat = disk?.hangs.aborted && !request.signal?.aborted && !didChangeTree(error);
    if (canRepeat) return restoreObject(store, found, request, { ...options, diskCache: undefined });
    throw error;
  }
}

/** Opens the disk cache. Returns undefined for a small object, and while an earlier attempt hangs in the directory. */
function openDiskCache(
  store: ObjectStore,
  { sizeBytes }: FoundObject,
  { diskCache, log }: ArchiveBackendOptions,
): DiskCache | undefined {
  if (!diskCache || !store.workerReads || sizeBytes <= INLINE_BYTES) return undefined;
  // Each attempt would wait for it again, and leave one more of the four threads that this process has for files in it
  if (hasStuckThread()) return undefined;
  return new DiskCache({ ...diskCache, onProblem: line => log.notice(line) });
}

function didChangeTree(error: unknown): boolean {
  return error instanceof TargetTreeError && error.treeChanged;
}

async function restoreWith(
  disk: DiskCache | undefined,
  store: ObjectStore,
  found: FoundObject,
  request: RestoreRequest,
  options: ArchiveBackendOptions,
): Promise<RestoredObject> {
  let fetchedBytes = found.tail?.bytes.length ?? 0;
  const onFetched = (bytes: number) => {
    fetchedBytes += bytes;
    options.progress.add(bytes);
  };
  const readers = createRangeReaders(store, found, request.signal, onFetched);
  const { read, readInWorker } = readers;
  const openPool = () => new WorkerPool(options.workerUrl, options.workers, store.workerReads?.settings);
  // A warm restore has work for workers at once: they compare the manifest with the disk
  const earlyPool = request.isWarm && found.sizeBytes > INLINE_BYTES ? openPool() : undefined;
  earlyPool?.start();
  const archive = await openFound(found, readers, request.signal, entryCheckOf(request.layout)).catch(
    async error => {
      await earlyPool?.close();
      throw error;
    },
  );
  // After an exact hit nothing is saved, so no record is needed
  const isForSave = found.key !== request.primaryKey;
  const notices = new RestoreNotices();
  const { entries, rawBytes, facts } = await restoreMarked(request, options.records, beforeCommit =>
    restoreArchive({
      archive,
      read,
      readInWorker,
      onPlanned: bytes => options.progress.expect(bytes),
      diskCache: disk,
      layout: request.layout,
      restoredLinks: options.records.restoredLinks(),
      runLabel: request.runLabel,
      runner: earlyPool ?? (isForThisThread(archive, disk, options) ? new InlineRunner() : openPool()),
      isWarm: request.isWarm,
      keep: isForSave && options.records.areKept ? (request.savesLater ? 'content' : 'status') : undefined,
      beforeCommit,
      notices,
      signal: request.signal,
    }),
  ).finally(() => {
    for (const line of notices.describeLinks()) options.log.warning(line);
    for (const line of notices.describeAttributes()) options.log.notice(line);
    for (const line of notices.describeStaging()) options.log.info(line);
  });
  if (facts) {
    const { name: object, etag } = found;
    const { manifestBytes } = archive;
    writeTreeRecord(options.records, { object, etag, version: request.version, ...facts, manifestBytes });
  }
  return { entries, rawBytes, ...(disk ? { fetchedBytes, diskBytes: disk.readBytes } : {}) };
}

/**
 * Runs a restore, and records its paths as half restored during the renames, so that the record remains if the process is
 * killed. It also remains after a restore that left out symlinks (`isPartial`) or failed after the first rename.
 */
async function restoreMarked<T extends { readonly isPartial: boolean }>(
  request: RestoreRequest,
  records: JobRecords,
  restore: (beforeCommit: (links: readonly number[]) => void) => Promise<T>,
): Promise<T> {
  const { version } = request;
  let isNew = false;
  let includedPaths: readonly string[] | undefined;
  try {
    const restored = await restore(links => {
      records.addRestoredLinks(links);
      // Reads the paths before the commit, which may replace links that lead to them
      includedPaths = request.includedPaths();
      isNew = records.markHalfRestored(version, includedPaths);
    });
    if (!restored.isPartial) records.clearHalfRestored(version);
    return restored;
  } catch (error) {
    // Writes it again, because the disk may have been too full for the record before the commit
    if (didChangeTree(error)) records.markHalfRestored(version, includedPaths ?? request.includedPaths());
    else if (isNew) records.clearHalfRestored(version);
    throw error;
  }
}

/**
 * Returns whether this thread restores the archive without workers. With a disk cache it does not: a read from the
 * cache may never return, and only a worker can be abandoned.
 */
function isForThisThread(
  { manifest }: OpenArchive,
  disk: DiskCache | undefined,
  { isHostCrowded, log }: ArchiveBackendOptions,
): boolean {
  if (disk) return false;
  const bytes = manifest.entries.reduce((sum, entry) => sum + entry.size, 0);
  if (bytes <= INLINE_BYTES) return true;
  if (bytes > INLINE_BYTES_IN_CROWD || !isHostCrowded()) return false;
  log.debug('The host is busy: the cache is unpacked without worker threads.');
  return true;
}

// The command imports this module at run time, so that `dist/` has these parts once
export { hasEntry } from '../../archive/check/root-nesting.ts';
export { validate } from '../../archive/check/validate.ts';
export { sha256 } from '../../archive/format/codec.ts';
export { releaseOwned } from '../../archive/memory/buffers.ts';
export { mapInOrder } from '../../archive/pool/in-flight.ts';
export { groupFrames } from '../../archive/restore/frame-runs.ts';
export { createRangeReaders, damageOf, openObject } from './open-object.ts';
