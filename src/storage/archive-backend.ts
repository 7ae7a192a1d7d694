import { availableParallelism } from 'node:os';
import type { ManifestHead } from '../archive/entry.ts';
import { DamagedArchiveError, UnknownFormatError } from '../archive/errors.ts';
import { printable } from '../archive/names.ts';
import { type ObjectBytes, type OpenArchive, openArchive, TAIL_BYTES } from '../archive/open-archive.ts';
import { pack } from '../archive/pack.ts';
import { restoreArchive } from '../archive/restore-archive.ts';
import { InlineRunner, type JobRunner, WorkerPool } from '../archive/worker-pool.ts';
import type { Log } from '../report/log.ts';
import type {
  CacheMatch,
  CacheSource,
  LookupRequest,
  RestoreOutcome,
  RestoreRequest,
  SaveOutcome,
  SaveRequest,
  StorageBackend,
} from './backend.ts';
import {
  ObjectExistsError,
  ObjectReplacedError,
  StoreRefusedError,
  StoreUnavailableError,
} from './errors.ts';
import { type FoundObject, findObject } from './find-object.ts';
import type { ObjectStore, Upload, UploadOptions } from './object-store.ts';
import { partSize } from './part-size.ts';

export interface ArchiveBackendOptions {
  readonly log: Log;
  /** The worker's script. */
  readonly workerUrl: URL;
  /** Worker threads; default: the available cores, 8 at most. */
  readonly workers?: number;
  /** Goes into the manifest: `cache-s3/<version>`. */
  readonly tool: string;
  /** Called as bytes are transferred, in either direction. */
  readonly onBytes?: (count: number) => void;
  /** Called when the size of what is transferred is known, in bytes. */
  readonly onTotal?: (bytes: number) => void;
}

/** Most worker threads by default: beyond, the main thread and the network are the bound. */
const MOST_WORKERS = 8;
/** An archive with less data than this is restored before a worker has started. */
const INLINE_BYTES = 2 * 1024 * 1024;
/** How often a restore starts over when its object is replaced underneath it. */
const RESTORE_ATTEMPTS = 3;
const STALE_UPLOAD_MS = 24 * 60 * 60 * 1000;

/** Caches as archives in an object store. */
export function createArchiveBackend(store: ObjectStore, options: ArchiveBackendOptions): StorageBackend {
  return new ArchiveBackend(store, options);
}

class ArchiveBackend implements StorageBackend {
  readonly source: Exclude<CacheSource, 'none' | 'github'>;
  readonly #store: ObjectStore;
  readonly #options: ArchiveBackendOptions;
  /** What a question that found nothing has seen of its key, so that the diagnosis asks nobody again. */
  readonly #otherVersions = new WeakMap<LookupRequest['plan'], readonly string[]>();

  constructor(store: ObjectStore, options: ArchiveBackendOptions) {
    this.#store = store;
    this.#options = options;
    this.source = store.kind;
  }

  get counters(): StorageBackend['counters'] {
    return this.#store.counters;
  }

  close(): void {
    this.#store.close();
  }

  async lookup(request: LookupRequest): Promise<CacheMatch | undefined> {
    const found = await this.#find(request, 0);
    return found && this.#match(found, request);
  }

  async diagnose(request: LookupRequest): Promise<string | undefined> {
    if (!this.#otherVersions.has(request.plan)) await this.#find(request, 0);
    if (!this.#otherVersions.get(request.plan)?.length) return undefined;
    return `The key '${printable(request.primaryKey)}' exists, but it was saved with other paths or on another operating system.`;
  }

  async restore(request: RestoreRequest): Promise<RestoreOutcome | undefined> {
    for (let attempt = 1; ; attempt++) {
      const found = await this.#find(request, TAIL_BYTES);
      if (!found) return undefined;
      try {
        return await this.#restoreFound(found, request);
      } catch (error) {
        // Replaced by another job: what stands there now is as good a match
        if (error instanceof ObjectReplacedError && attempt < RESTORE_ATTEMPTS) continue;
        if (error instanceof UnknownFormatError) {
          this.#options.log.notice(
            `The object of key '${printable(found.key)}' is not used: ${error.message}.`,
          );
          return undefined;
        }
        if (error instanceof DamagedArchiveError)
          error.object = { name: found.name, etag: found.etag, key: found.key };
        throw error;
      }
    }
  }

  async #find(request: LookupRequest, tailBytes: number): Promise<FoundObject | undefined> {
    const { found, otherVersions } = await findObject(this.#store, request, tailBytes);
    this.#otherVersions.set(request.plan, found ? [] : otherVersions);
    return found;
  }

  async #restoreFound(found: FoundObject, request: RestoreRequest): Promise<RestoreOutcome> {
    const { onBytes, onTotal } = this.#options;
    const read = async (start: number, end: number): Promise<Uint8Array<ArrayBuffer>> => {
      const answer = await this.#store.getRange(
        found.name,
        { start, end },
        {
          etag: found.etag,
          ...(request.signal && { signal: request.signal }),
          ...(onBytes && { onBytes }),
        },
      );
      if (!answer)
        throw new ObjectReplacedError(
          `the object of key '${printable(found.key)}' was deleted while it was read`,
        );
      if (answer.bytes.length !== end - start)
        throw new DamagedArchiveError('it is shorter than its manifest says');
      return answer.bytes;
    };
    onTotal?.(found.sizeBytes);
    const tail = found.tail ?? (await this.#tailOf(found, read));
    const archive = await openArchive(tail, found.sizeBytes, read);
    checkIdentity(archive, found);
    const summary = await restoreArchive({
      archive,
      read,
      layout: request.layout,
      runLabel: request.runLabel,
      runner: () => this.#runner(dataBytes(archive)),
      signal: request.signal,
    });
    return { ...this.#match(found, request), ...summary };
  }

  async #tailOf(
    found: FoundObject,
    read: (start: number, end: number) => Promise<Uint8Array<ArrayBuffer>>,
  ): Promise<ObjectBytes> {
    const start = Math.max(0, found.sizeBytes - TAIL_BYTES);
    return { start, bytes: await read(start, found.sizeBytes) };
  }

  #match(found: FoundObject, request: LookupRequest): CacheMatch {
    return {
      source: this.source,
      key: found.key,
      exact: found.key === request.primaryKey,
      sizeBytes: found.sizeBytes,
      object: { name: found.name, etag: found.etag },
    };
  }

  #runner(rawBytes: number): JobRunner {
    return rawBytes <= INLINE_BYTES ? new InlineRunner() : this.#pool();
  }

  #pool(): JobRunner {
    const workers = this.#options.workers ?? Math.min(availableParallelism(), MOST_WORKERS);
    return new WorkerPool(this.#options.workerUrl, workers);
  }

  async save(request: SaveRequest): Promise<SaveOutcome> {
    const name = request.space.objectName(request.key);
    const options = uploadOptions(request);
    // Before the scan: most saves of a key that exists end here
    if (options.onlyIfAbsent && (await this.#store.head(name, pickSignal(request)))) return this.#exists();
    const roots = await request.layout.roots();
    if (roots.length === 0) return { result: 'empty' };

    const upload = this.#store.createUpload(name, {
      ...options,
      partSizeBytes: partSize(request.uploadChunkSizeBytes, 0),
      ...(this.#options.onBytes && { onBytes: this.#options.onBytes }),
      ...pickSignal(request),
    });
    try {
      const outcome = await this.#writeArchive(request, name, roots, upload);
      if (outcome.result === 'saved') await this.#sweep(request);
      return outcome;
    } catch (error) {
      await upload.abort();
      if (error instanceof ObjectExistsError || error instanceof ObjectReplacedError) return this.#exists();
      const fails = error instanceof StoreUnavailableError || error instanceof StoreRefusedError;
      if (fails && upload.accepted) error.accepted = true;
      throw error;
    }
  }

  async #writeArchive(
    request: SaveRequest,
    name: string,
    roots: readonly string[],
    upload: Upload,
  ): Promise<SaveOutcome> {
    const runner = this.#pool();
    const { log } = this.#options;
    let old = 0;
    try {
      const summary = await pack({
        layout: request.layout,
        roots,
        head: this.#head(request, name),
        level: request.compressionLevel,
        runner,
        notes: {
          leftOut: (path, why) => log.notice(`${printable(path)} is left out: ${why}.`),
          timeBefore1970: path => {
            if (old++ === 0) log.notice(`Times before 1970 are saved as 1970, first of ${printable(path)}.`);
          },
        },
        write: bytes => upload.write(bytes),
        signal: request.signal,
      });
      if (!summary) {
        await upload.abort();
        return { result: 'empty' };
      }
      request.signal?.throwIfAborted();
      await upload.complete();
      return { result: 'saved', source: this.source, ...summary, reusedBytes: 0 };
    } finally {
      await runner.close();
    }
  }

  #head(request: SaveRequest, object: string): ManifestHead {
    const { key, version, paths, origin } = request;
    return {
      tool: this.#options.tool,
      object,
      key,
      version,
      paths,
      platform: process.platform,
      origin,
      generation: 0,
    };
  }

  #exists(): SaveOutcome {
    return { result: 'exists', source: this.source };
  }

  /** Uploads that a killed job left behind. The save is done: nothing that goes wrong here matters to it. */
  async #sweep(request: SaveRequest): Promise<void> {
    try {
      const count = await this.#store.abortStale(
        request.space.root,
        request.staleUploadMs ?? STALE_UPLOAD_MS,
        pickSignal(request),
      );
      if (count > 0) this.#options.log.info(`Aborted ${count} unfinished uploads of earlier jobs.`);
    } catch (error) {
      this.#options.log.debug(`Unfinished uploads were not looked for: ${(error as Error).message}`);
    }
  }
}

function pickSignal(request: { readonly signal?: AbortSignal }): { signal?: AbortSignal } {
  return request.signal ? { signal: request.signal } : {};
}

/** Who may replace what: nobody by default, anybody with `overwrite`, a damaged object while it is the one seen. */
function uploadOptions(request: SaveRequest): Pick<UploadOptions, 'onlyIfAbsent' | 'onlyIfEtag'> {
  const { damaged, overwrite, space, key } = request;
  if (overwrite) return { onlyIfAbsent: false };
  if (damaged && damaged.name === space.objectName(key))
    return { onlyIfAbsent: false, onlyIfEtag: damaged.etag };
  return { onlyIfAbsent: true };
}

/** Bytes of data that a restore would write. */
function dataBytes({ manifest }: OpenArchive): number {
  return manifest.entries.reduce((sum, entry) => sum + entry.size, 0);
}

/** An archive that was copied to another name answers questions that it was not saved for. */
function checkIdentity({ manifest }: OpenArchive, found: FoundObject): void {
  if (manifest.head.object !== found.name) {
    throw new DamagedArchiveError(`it was saved as ${printable(manifest.head.object)}`);
  }
}
