import { dirname } from 'node:path';
import { BaseOutgrownError } from '../../archive/archive-errors.ts';
import type { PathLayout } from '../../archive/fs/paths/layout.ts';
import { showPath } from '../../archive/fs/tree-errors.ts';
import { WorkerPool } from '../../archive/pool/worker-pool.ts';
import { describeLevels } from '../../archive/save/compression-levels.ts';
import { pack } from '../../archive/save/pack.ts';
import { SaveNotices } from '../../archive/scan/save-notices.ts';
import type { JobRecords } from '../../records/job-records.ts';
import { findTreeRecord, readTreeRecord, type TreeRecord } from '../../records/tree-record.ts';
import type { Log } from '../../report/log.ts';
import type { SaveRequest } from '../backend.ts';
import type { ObjectStore, Upload, UploadOptions } from '../object-store.ts';
import { outcomeOfError, type SaveOutcome } from '../outcomes.ts';
import { MIN_PART_BYTES, partSize, wholeUpTo } from '../part-size.ts';
import {
  BodyTooLargeError,
  CopyRefusedError,
  ObjectExistsError,
  ObjectReplacedError,
  StoreRefusedError,
} from '../store-errors.ts';
import type { ArchiveBackendOptions } from './archive-options.ts';

/** Packing threads for each sending thread. */
const PACKERS_PER_SENDER = 4;
/** Rate from which threads send the parts: the main thread sends 1 Gbit/s in a tenth of its time (ADR 0025). */
const SENDERS_FROM_BYTES_PER_SECOND = 125e6;

/** Error of a base that an incremental save cannot use: the save is repeated in full. */
class UnusableBaseError extends Error {
  override name = 'UnusableBaseError';
}

/**
 * Saves a tree under the request's key. The object becomes visible only as a whole. After a failure nothing is left in the
 * store, unless the store cannot be reached, or the object may have become visible. Throws the store's errors before the upload
 * begins; from then on a failure is an outcome.
 */
export async function saveObject(
  store: ObjectStore,
  request: SaveRequest,
  options: ArchiveBackendOptions,
): Promise<SaveOutcome> {
  const { records, log } = options;
  const name = request.place.objectName(request.key);
  // This is before the scan, because most saves of an existing key end here
  const condition = await conditionOf(store, request, records, name);
  if (!condition) return { kind: 'exists', source: store.kind };
  const roots = skipLinkedRoots(request.layout, await request.layout.roots(request.signal), options);
  if (roots.length === 0) return { kind: 'empty' };
  const save: Save = { store, request, options, name, roots, condition };
  const base = await baseOf(request, records, name);
  const attempt = (from: TreeRecord | undefined) => repeatInSmallerParts(() => write(save, from), log);
  const outcome = await attempt(base).catch(error => {
    if (error instanceof UnusableBaseError) log.info(`The cache is saved in full: ${error.message}.`);
    else if (!(error instanceof BaseOutgrownError)) throw error;
    return attempt(undefined);
  });
  if (outcome.kind === 'saved') records.clearDamaged(name);
  return outcome;
}

/** Skips roots behind a link that a restore of this job has made: their content is outside the step's paths. */
function skipLinkedRoots(
  layout: PathLayout,
  roots: readonly string[],
  { records, log }: ArchiveBackendOptions,
): string[] {
  const restoredLinks = records.restoredLinks();
  const notices = new SaveNotices();
  const reached = roots.filter(root => {
    // A link that a wildcard has found is saved as a link
    const link = restoredLinks.onTheWayTo(layout.followsLink(root) ? root : dirname(root));
    if (link !== undefined)
      notices.addSkipped(root, `behind ${showPath(link)}, a link that a restore of this job has made`);
    return link === undefined;
  });
  for (const line of notices.lines()) log.notice(line);
  return reached;
}

/** Repetitions of a save whose part was too large: with parts in place of one request, then with the smallest parts. */
const MAX_SMALLER = 2;

/** Repeats a save whose part was too large: the store then makes smaller parts, down to S3's minimum. */
async function repeatInSmallerParts(attempt: () => Promise<SaveOutcome>, log: Log): Promise<SaveOutcome> {
  for (let left = MAX_SMALLER; ; left--) {
    const outcome = await attempt();
    const error = outcome.kind === 'refused' ? outcome.error : undefined;
    if (!(error instanceof BodyTooLargeError) || error.sizeBytes <= MIN_PART_BYTES || left === 0) {
      return outcome;
    }
    log.info(`The save starts again with smaller parts: ${error.message}.`);
  }
}

type Condition = Pick<UploadOptions, 'onlyIfAbsent' | 'onlyIfEtag'>;

/**
 * Returns the condition under which an object may be replaced: never by default, always with `overwrite`, and a damaged object
 * while it has the ETag that was found damaged. Returns undefined if the key is taken.
 */
async function conditionOf(
  store: ObjectStore,
  { overwrite, damaged, signal }: SaveRequest,
  records: JobRecords,
  name: string,
): Promise<Condition | undefined> {
  if (overwrite) return { onlyIfAbsent: false };
  const present = await store.head(name, { signal });
  if (!present) return { onlyIfAbsent: true };
  const { etag } = present;
  // This step's restore has found the damage, or else a restore/ step before it
  const damagedEtag = damaged?.name === name ? damaged.etag : records.damagedEtag(name);
  return etag === damagedEtag ? { onlyIfAbsent: false, onlyIfEtag: etag } : undefined;
}

/** Returns the record of an earlier restore of this job, as the base of an incremental save. Returns undefined if there is none. */
async function baseOf(
  { base, version }: SaveRequest,
  records: JobRecords,
  name: string,
): Promise<TreeRecord | undefined> {
  const record = await (base
    ? readTreeRecord(records, base.name, base.etag)
    : findTreeRecord(records, version));
  // The object that this save replaces (`overwrite: true`) cannot be its base
  return record?.object === name ? undefined : record;
}

interface Save {
  readonly store: ObjectStore;
  readonly request: SaveRequest;
  readonly options: ArchiveBackendOptions;
  readonly name: string;
  readonly roots: readonly string[];
  readonly condition: Condition;
}

/**
 * Makes one attempt, in full or on top of `base`. Throws `UnusableBaseError` if the base cannot be used, and
 * `BaseOutgrownError` if too much of the tree has changed. Then the store keeps nothing of the attempt.
 */
async function write(save: Save, base: TreeRecord | undefined): Promise<SaveOutcome> {
  const { store, options } = save;
  const { uploadChunkSizeBytes, signal } = save.request;
  const notices = new SaveNotices();
  let mayBeVisible = false;
  const upload = store.createUpload(save.name, {
    ...save.condition,
    partSizeBytes: partSize(uploadChunkSizeBytes),
    wholeUpToBytes: wholeUpTo(uploadChunkSizeBytes),
    onBytes: options.progress.add,
    senders: {
      maxThreads: Math.ceil(options.workers / PACKERS_PER_SENDER),
      fromBytesPerSecond: SENDERS_FROM_BYTES_PER_SECOND,
    },
    onPublish: () => {
      mayBeVisible = true;
    },
    signal,
  });
  try {
    const outcome = await packInto(upload, save, base, notices);
    for (const line of notices.lines()) options.log.notice(line);
    return outcome;
  } catch (error) {
    await upload.abort();
    if (error instanceof UnusableBaseError || error instanceof BaseOutgrownError) throw error;
    const source = store.kind;
    if (error instanceof ObjectExistsError || error instanceof ObjectReplacedError) {
      return { kind: 'exists', source };
    }
    const outcome = outcomeOfError(error, source, signal);
    if (outcome.kind === 'cancelled') return { ...outcome, mayBeVisible };
    return outcome.kind === 'failed' ? outcome : { ...outcome, hasStoredBytes: upload.hasStoredBytes };
  }
}

async function packInto(
  upload: Upload,
  { store, request, options, name, roots }: Save,
  base: TreeRecord | undefined,
  notices: SaveNotices,
): Promise<SaveOutcome> {
  const { workerUrl, workers, isHostCrowded, tool, log } = options;
  const { layout, compressionLevel: level, key, version, paths, origin, signal } = request;
  const summary = await pack({
    layout,
    roots,
    head: { tool, object: name, key, version, paths, platform: process.platform, origin },
    level,
    runner: () => new WorkerPool(workerUrl, workers),
    isHostCrowded: () => {
      const isCrowded = isHostCrowded();
      if (isCrowded) log.debug('The host is busy: the first 128 MiB are packed without worker threads.');
      return isCrowded;
    },
    notices,
    output: upload,
    base: base && { ...base, copy: bytes => copyBase(upload, base, bytes) },
    signal,
  });
  if (!summary) {
    await upload.abort();
    return { kind: 'empty' };
  }
  signal?.throwIfAborted();
  await complete(upload, summary.reusedBytes);
  const { levels, ...facts } = summary;
  log.debug(`Compression levels of the frames, in their order: ${describeLevels(levels)}.`);
  return { kind: 'saved', source: store.kind, ...facts };
}

/** Completes an upload. Some servers require parts of one size, and refuse copied ones only now (documented by Cloudflare R2). */
async function complete(upload: Upload, reusedBytes: number): Promise<void> {
  try {
    await upload.complete();
  } catch (error) {
    if (!(error instanceof StoreRefusedError) || reusedBytes === 0) throw error;
    throw new UnusableBaseError('the server refuses an object with copied parts', { cause: error });
  }
}

async function copyBase(upload: Upload, base: TreeRecord, bytes: number): Promise<void> {
  try {
    await upload.copyRange({ name: base.object, etag: base.etag }, { start: 0, end: bytes });
  } catch (error) {
    if (error instanceof ObjectReplacedError) {
      throw new UnusableBaseError('the cache that was restored has been replaced', { cause: error });
    }
    if (error instanceof CopyRefusedError) {
      throw new UnusableBaseError(error.message, { cause: error });
    }
    // The credentials may have no right to read. If they are wrong, the full save reports it
    if (error instanceof StoreRefusedError) {
      throw new UnusableBaseError('the server refuses to copy the restored cache', { cause: error });
    }
    throw error;
  }
}

// The command imports this module at run time, so that `dist/` has this part once
export { regionUsage } from '../../archive/save/reuse-estimate.ts';
