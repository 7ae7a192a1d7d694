/** Jobs of a workflow, each with its own workspace and RUNNER_TEMP. */

import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { TAIL_BYTES } from '../../../src/archive/format/limits.ts';
import type { OpenArchive } from '../../../src/archive/format/open-archive.ts';
import { openArchive } from '../../../src/archive/format/open-archive.ts';
import { markerName } from '../../../src/cache/keys/cache-names.ts';
import { type Places, placesOf } from '../../../src/cache/keys/scope.ts';
import { cacheVersion } from '../../../src/cache/keys/version.ts';
import { JobRecords } from '../../../src/records/job-records.ts';
import { ArchiveBackend } from '../../../src/storage/archives/archive-backend.ts';
import type { ArchiveBackendOptions } from '../../../src/storage/archives/archive-options.ts';
import type { SaveRequest } from '../../../src/storage/backend.ts';
import type { ObjectStore } from '../../../src/storage/object-store.ts';
import type { LookupOutcome, RestoreOutcome, SaveOutcome } from '../../../src/storage/outcomes.ts';
import { layoutIn, WORKER_URL } from '../../archive/support/archives.ts';
import {
  createLookupRequest,
  createRestoreRequest,
  createSaveRequest,
  recordingLog,
} from '../../support/requests.ts';
import { checkTar } from '../../support/tar/check-tar.ts';

export interface JobOptions {
  readonly store: ObjectStore;
  /** The parent of the job's `workspace` and `temp`. */
  readonly directory: string;
  /** Input `prefix`; default 'cache-s3'. */
  readonly prefix?: string;
  /** The step's `path`; default `tree`. */
  readonly paths?: readonly string[];
  /** The home directory; default: one that does not exist. */
  readonly home?: string;
  /** The refs that are read; the first is also written to. */
  readonly refs?: readonly string[];
  /** Of restores. */
  readonly diskCache?: ArchiveBackendOptions['diskCache'];
  readonly isHostCrowded?: ArchiveBackendOptions['isHostCrowded'];
}

interface SaveOverrides extends Partial<SaveRequest> {
  readonly record?: boolean;
  /** The job whose records are read. */
  readonly recordsOf?: CacheJob;
}

interface RestoreOverrides {
  readonly restoreKeys?: readonly string[];
  readonly isWarm?: boolean;
  readonly savesLater?: boolean;
  readonly record?: boolean;
  readonly signal?: AbortSignal | undefined;
}

export class CacheJob {
  readonly workspace: string;
  readonly temp: string;
  /** Bytes transferred in either direction. */
  transferred = 0;
  /** The total of the latest restore's progress, in bytes. */
  expected = 0;
  readonly #options: JobOptions;
  readonly #log = recordingLog();
  #base: SaveRequest['base'];
  readonly #nameOfMarker = (name: string) => markerName(this.#prefix, name);
  #mayReuseTouched = false;

  constructor(options: JobOptions) {
    this.#options = options;
    this.workspace = path.join(options.directory, 'workspace');
    this.temp = path.join(options.directory, 'temp');
    for (const directory of [this.workspace, this.temp]) mkdirSync(directory, { recursive: true });
  }

  /** `info: ...`, `notice: ...` in order. */
  get lines(): readonly string[] {
    return this.#log.shown;
  }

  /** Restores as the main phase does, for a later `save`; by default the newest key. */
  async restore(
    key = 'none',
    { restoreKeys = [''], isWarm = false, savesLater = false, record = true, signal }: RestoreOverrides = {},
  ): Promise<RestoreOutcome> {
    this.#mayReuseTouched = savesLater;
    const { layout, version, places, paths } = this.#plan();
    const outcome = await this.#backend(record ? this.temp : undefined).restore(
      createRestoreRequest({
        primaryKey: key,
        restoreKeys,
        paths,
        version,
        places: places.read,
        markerName: this.#nameOfMarker,
        layout,
        includedPaths: layout.includedPaths,
        isWarm,
        savesLater,
        signal,
      }),
    );
    this.#base = outcome.kind === 'hit' ? outcome.object : undefined;
    return outcome;
  }

  /** Looks an exact key up, as with `lookup-only`. */
  lookup(key: string): Promise<LookupOutcome> {
    const { version, places, paths } = this.#plan();
    return this.#backend(undefined).lookup(
      createLookupRequest({
        primaryKey: key,
        paths,
        version,
        places: places.read,
        markerName: this.#nameOfMarker,
      }),
    );
  }

  /**
   * Saves as the post phase does; with `base: undefined` as save/, which gets no state from the restore. Checks the stored
   * tar with another reader.
   */
  async save(
    key: string,
    { record = true, recordsOf = this, ...overrides }: SaveOverrides = {},
  ): Promise<SaveOutcome> {
    const { places, ...plan } = this.#plan();
    const common = { key, ...plan, place: places.write, base: this.#base, compressionLevel: 1 };
    const outcome = await this.#backend(record ? recordsOf.temp : undefined).save(
      createSaveRequest({ ...common, ...overrides }),
    );
    if (outcome.kind === 'saved') {
      const stored = await this.read(key);
      // Another job may have replaced it by now
      if (stored.length === outcome.sizeBytes) await checkTar(stored, { touched: this.#mayReuseTouched });
    }
    return outcome;
  }

  /** Saves without the record of a restore. */
  saveInFull(key: string): Promise<SaveOutcome> {
    return this.save(key, { record: false });
  }

  /** Opens the archive that this job saved under `key`. */
  async open(key: string): Promise<OpenArchive & { readonly name: string; readonly etag: string }> {
    const name = this.objectName(key);
    const { store } = this.#options;
    const read = async (start: number, end: number) => (await store.getRange(name, { start, end }))!.bytes;
    const tail = (await store.getRange(name, { suffix: TAIL_BYTES }))!;
    return { ...(await openArchive(tail, tail.sizeBytes, read)), name, etag: tail.etag };
  }

  /** Returns the object that this job saved under `key`. */
  async read(key: string): Promise<Buffer> {
    const name = this.objectName(key);
    const { store } = this.#options;
    const { sizeBytes } = (await store.head(name))!;
    return Buffer.from((await store.getRange(name, { start: 0, end: sizeBytes }))!.bytes);
  }

  objectName(key: string): string {
    return this.#plan().places.write.objectName(key);
  }

  #backend(recordDirectory: string | undefined) {
    const log = this.#log;
    return new ArchiveBackend(this.#options.store, {
      log,
      workerUrl: WORKER_URL,
      workers: 1,
      isHostCrowded: this.#options.isHostCrowded ?? (() => false),
      diskCache: this.#options.diskCache,
      tool: 'cache-s3/0.0.0',
      records: new JobRecords(recordDirectory, log),
      progress: {
        add: count => {
          this.transferred += count;
        },
        expect: further => {
          this.expected = this.transferred + further;
        },
      },
    });
  }

  get #prefix(): string {
    return this.#options.prefix ?? 'cache-s3';
  }

  #plan() {
    const { paths = ['tree'], refs = ['refs/heads/main'], home } = this.#options;
    const layout = layoutIn(this.workspace, paths, home);
    const { storedLines } = layout;
    const version = cacheVersion({ storedLines, platform: process.platform, crossOs: false });
    const places: Places = placesOf({
      scope: 'ref',
      prefix: this.#prefix,
      version,
      repository: 'octo/app',
      readRefs: refs,
      writeRef: refs[0]!,
    });
    return { layout, version, places, paths };
  }
}
