import { BaseOutgrownError } from '../archive/archive-errors.ts';
import type { ManifestHead } from '../archive/format/entry.ts';
import { pack } from '../archive/save/pack.ts';
import type { ScanNotes } from '../archive/scan/scan.ts';
import { readDamaged, removeDamaged } from '../records/damaged-record.ts';
import { findRecord, readRecord, type TreeRecord } from '../records/tree-record.ts';
import type { Log } from '../report/log.ts';
import { type ArchiveBackendOptions, createPool } from './archive-options.ts';
import type { SaveOutcome, SaveRequest } from './backend.ts';
import type { ObjectStore, Upload, UploadOptions } from './object-store.ts';
import { partSize, wholeUpTo } from './part-size.ts';
import {
  CopyRefusedError,
  ObjectExistsError,
  ObjectReplacedError,
  StoreRefusedError,
  StoreUnavailableError,
} from './store-errors.ts';

/** The base of an incremental save cannot be used after all: the save is done again, in full. */
class BaseGoneError extends Error {
  override name = 'BaseGoneError';
}

/**
 * Saves a tree under the request's key. Nothing is visible before all of it is, and after a failure nothing is left in
 * the store that could be removed: not where the store cannot be reached, nor where it may just be making it visible.
 * Throws `SourceTreeError`, the store's errors, and the signal's reason.
 */
export async function saveObject(
  store: ObjectStore,
  request: SaveRequest,
  options: ArchiveBackendOptions,
): Promise<SaveOutcome> {
  const name = request.space.objectName(request.key);
  // Before the scan: most saves of a key that exists end here
  const condition = await conditionOf(store, request, name);
  if (!condition) return { result: 'exists', source: store.kind };
  const roots = await request.layout.roots();
  if (roots.length === 0) return { result: 'empty' };
  const save = new ArchiveSave(store, request, options, { name, roots, condition });
  const base = baseOf(request, name);
  const outcome = await save.write(base).catch(error => {
    if (error instanceof BaseGoneError) options.log.info(`The cache is saved in full: ${error.message}.`);
    else if (!(error instanceof BaseOutgrownError)) throw error;
    return save.write(undefined);
  });
  const { recordDirectory } = request;
  if (outcome.result === 'saved' && recordDirectory !== undefined) removeDamaged(recordDirectory, name);
  return outcome;
}

type Condition = Pick<UploadOptions, 'onlyIfAbsent' | 'onlyIfEtag'>;

/**
 * Who may replace what: nobody by default, anybody with `overwrite`, a damaged object while it is the one seen.
 * undefined: the key is taken.
 */
async function conditionOf(
  store: ObjectStore,
  request: SaveRequest,
  name: string,
): Promise<Condition | undefined> {
  if (request.overwrite) return { onlyIfAbsent: false };
  const present = await store.head(name, { signal: request.signal });
  if (!present) return { onlyIfAbsent: true };
  const { etag } = present;
  return etag === damagedEtag(request, name) ? { onlyIfAbsent: false, onlyIfEtag: etag } : undefined;
}

/** What a restore of this job found damaged: this step's own, or else a restore/ before it. */
function damagedEtag({ damaged, recordDirectory }: SaveRequest, name: string): string | undefined {
  if (damaged?.name === name) return damaged.etag;
  return recordDirectory === undefined ? undefined : readDamaged(recordDirectory, name);
}

/** What an earlier restore of this job left for an incremental save. */
function baseOf({ base, recordDirectory, version }: SaveRequest, name: string): TreeRecord | undefined {
  if (recordDirectory === undefined) return undefined;
  const record = base
    ? readRecord(recordDirectory, base.name, base.etag)
    : findRecord(recordDirectory, version);
  // The same object (`overwrite: true`) is not to be read while it is replaced
  return record?.object === name ? undefined : record;
}

interface Target {
  readonly name: string;
  readonly roots: readonly string[];
  readonly condition: Condition;
}

class ArchiveSave {
  readonly #store: ObjectStore;
  readonly #request: SaveRequest;
  readonly #options: ArchiveBackendOptions;
  readonly #target: Target;
  readonly #notes: ScanNotes;

  constructor(store: ObjectStore, request: SaveRequest, options: ArchiveBackendOptions, target: Target) {
    this.#store = store;
    this.#request = request;
    this.#options = options;
    this.#target = target;
    this.#notes = scanNotes(options.log);
  }

  /**
   * One try, in full or on top of `base`. Throws `BaseGoneError` when the base is to blame, `BaseOutgrownError` when the
   * tree is; nothing is left of the try then.
   */
  async write(base: TreeRecord | undefined): Promise<SaveOutcome> {
    const { uploadChunkSizeBytes, onPublish, signal } = this.#request;
    const upload = this.#store.createUpload(this.#target.name, {
      ...this.#target.condition,
      partSizeBytes: partSize(uploadChunkSizeBytes),
      wholeUpToBytes: wholeUpTo(uploadChunkSizeBytes),
      onBytes: this.#options.onBytes,
      onPublish,
      signal,
    });
    try {
      return await this.#pack(upload, base);
    } catch (error) {
      await upload.abort();
      if (error instanceof ObjectExistsError || error instanceof ObjectReplacedError) {
        return { result: 'exists', source: this.#store.kind };
      }
      const fails = error instanceof StoreUnavailableError || error instanceof StoreRefusedError;
      if (fails && upload.accepted) error.accepted = true;
      throw error;
    }
  }

  async #pack(upload: Upload, base: TreeRecord | undefined): Promise<SaveOutcome> {
    const { layout, compressionLevel: level, signal } = this.#request;
    const summary = await pack({
      layout,
      roots: this.#target.roots,
      head: this.#head(),
      level,
      runner: () => createPool(this.#options),
      notes: this.#notes,
      write: bytes => upload.write(bytes),
      base: base && { ...base, copy: bytes => copyBase(upload, base, bytes) },
      signal,
    });
    if (!summary) {
      await upload.abort();
      return { result: 'empty' };
    }
    signal?.throwIfAborted();
    await complete(upload, summary.reusedBytes);
    return { result: 'saved', source: this.#store.kind, ...summary };
  }

  #head(): ManifestHead {
    const { key, version, paths, origin } = this.#request;
    const { tool } = this.#options;
    return {
      tool,
      object: this.#target.name,
      key,
      version,
      paths,
      platform: process.platform,
      origin,
      generation: 0,
    };
  }
}

/** A server that copies parts may still want parts of one size, and says so only now (Cloudflare R2 does). */
async function complete(upload: Upload, reusedBytes: number): Promise<void> {
  try {
    await upload.complete();
  } catch (error) {
    if (!(error instanceof StoreRefusedError) || reusedBytes === 0) throw error;
    throw new BaseGoneError('the server refuses an object with copied parts', { cause: error });
  }
}

async function copyBase(upload: Upload, base: TreeRecord, bytes: number): Promise<void> {
  try {
    await upload.copyRange({ name: base.object, etag: base.etag }, { start: 0, end: bytes });
  } catch (error) {
    if (error instanceof ObjectReplacedError) {
      throw new BaseGoneError('the cache that was restored has been replaced', { cause: error });
    }
    if (error instanceof CopyRefusedError) {
      throw new BaseGoneError('the server does not copy parts of objects', { cause: error });
    }
    // Credentials that only write; where they are bad altogether, the full save says so
    if (error instanceof StoreRefusedError) {
      throw new BaseGoneError('the server does not let the restored cache be copied', { cause: error });
    }
    throw error;
  }
}

/** Each thing is said once, also when a save is done again in full. */
function scanNotes(log: Log): ScanNotes {
  const said = new Set<string>();
  let old = 0;
  return {
    skipped(path, why) {
      const note = `${path} is left out: ${why}.`;
      if (!said.has(note)) log.notice(note);
      said.add(note);
    },
    timeBefore1970: path => {
      if (old++ === 0) log.notice(`Times before 1970 are saved as 1970, first of ${path}.`);
    },
  };
}
