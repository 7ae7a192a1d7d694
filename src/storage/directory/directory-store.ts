/** This folder keeps objects as files of a directory of the host. */

import { rm } from 'node:fs/promises';
import path from 'node:path';
import { isDenied } from '../../archive/fs/tree-errors.ts';
import type { Log } from '../../report/log.ts';
import type {
  ByteRange,
  CallOptions,
  GetOptions,
  ListOptions,
  ObjectInfo,
  ObjectStore,
  OptionalCallOptions,
  RangeBytes,
  SweepOptions,
  UnfinishedUpload,
  Upload,
  UploadOptions,
} from '../object-store.ts';
import { createFile } from './create-file.ts';
import { objectFile, objectName, temporaryFile } from './file-names.ts';
import {
  fileEtag,
  fromSystemError,
  isBehindLink,
  modifiedMsOf,
  refuseFileAsDirectory,
  statObjectFile,
  systemCode,
} from './files.ts';
import { discardFile, replaceFile, retryInUse } from './in-use.ts';
import { readRange } from './read.ts';
import { fileSystemTimeMs, findUploads, removeUploads } from './unfinished-uploads.ts';
import { DirectoryUpload } from './upload.ts';
import { removeEmptyDirectories, walkFiles } from './walk.ts';

/** Names in an optional listing, as many as in one page of S3. */
const OPTIONAL_NAMES = 1000;

/**
 * Creates the store in a directory (`endpoint: file:///srv/ci-cache`). The first save makes the directory; until then the store
 * is empty. `root` is its absolute path.
 */
export function createDirectoryStore(root: string, options: { readonly log: Log }): ObjectStore {
  return new DirectoryStore(root, options.log);
}

class DirectoryStore implements ObjectStore {
  readonly kind = 'directory';
  readonly versioned = false;
  readonly counters = { requests: 0, retries: 0 };
  readonly #root: string;
  readonly #log: Log;
  #isRootChecked = false;
  #hasNotedLeftOut = false;

  constructor(root: string, log: Log) {
    this.#root = root;
    this.#log = log;
  }

  get nowMs(): number {
    return Date.now();
  }

  get laterNowMs(): number {
    return this.nowMs;
  }

  async head(name: string, options?: CallOptions): Promise<ObjectInfo | undefined> {
    return this.#request('head', name, options, async () => {
      return (await isBehindLink(this.#file(name), this.#root)) ? undefined : this.#info(name);
    });
  }

  async getRange(name: string, range: ByteRange, options?: GetOptions): Promise<RangeBytes | undefined> {
    return this.#request('getRange', name, options, () => readRange(this.#root, name, range, options));
  }

  async *list(prefix: string, options?: ListOptions): AsyncGenerator<ObjectInfo> {
    const leaveOut = (error: unknown) => {
      if (options?.whole || !isDenied(systemCode(error))) throw error;
      if (!options?.optional) this.#noteLeftOut(error);
    };
    const found = await this.#request('list', prefix, options, async () => {
      const names: string[] = [];
      for await (const levels of walkFiles(this.#root, prefix, leaveOut)) {
        options?.signal?.throwIfAborted();
        const name = objectName(levels);
        if (name?.startsWith(prefix)) names.push(name);
      }
      return sortByBytes(names);
    });
    for (const name of options?.optional ? found.slice(0, OPTIONAL_NAMES) : found) {
      const info = await this.#request('stat', name, options, () => this.#info(name).catch(leaveOut));
      if (info) yield info;
    }
  }

  createUpload(name: string, options: UploadOptions): Upload {
    this.counters.requests++;
    return new DirectoryUpload(this.#root, name, options);
  }

  async putEmpty(name: string, options?: OptionalCallOptions): Promise<void> {
    await this.#request('putEmpty', name, options, async () => {
      const file = this.#file(name);
      const temporary = temporaryFile(file);
      await (await createFile(temporary, this.#root)).close();
      await replaceFile(temporary, file, options?.signal).catch(async error => {
        await discardFile(temporary);
        throw error;
      });
    });
  }

  async delete(name: string, options?: CallOptions): Promise<void> {
    return this.#request('delete', name, options, async () => {
      const file = this.#file(name);
      // Neither a link nor a FIFO is an object
      if (!(await statObjectFile(file)) || (await isBehindLink(file, this.#root))) return;
      await retryInUse(() => rm(file, { force: true }), options?.signal);
      await removeEmptyDirectories(path.dirname(file), this.#root);
    });
  }

  async *unfinishedUploads(
    prefix: string,
    olderThanMs: number,
    options?: CallOptions,
  ): AsyncGenerator<UnfinishedUpload> {
    const oldestMs = Date.now() - olderThanMs;
    yield* await this.#request('unfinishedUploads', prefix, options, () =>
      findUploads(this.#root, prefix, oldestMs, this.#log),
    );
  }

  async abortStale(
    prefix: string,
    olderThanMs: number,
    { isOwn, ...options }: SweepOptions,
  ): Promise<number> {
    return this.#request('abortStale', prefix, options, async () => {
      const uploads = await findUploads(this.#root, prefix, Number.POSITIVE_INFINITY, this.#log);
      if (uploads.length === 0) return 0;
      const oldestMs = (await fileSystemTimeMs(this.#file(`${prefix}clock`), this.#root)) - olderThanMs;
      return removeUploads(uploads.filter(({ name, begunMs }) => begunMs <= oldestMs && isOwn(name)));
    });
  }

  close(): void {}

  #file(name: string): string {
    return objectFile(this.#root, name);
  }

  /** Logs once that listings are not whole. */
  #noteLeftOut(error: unknown): void {
    if (this.#hasNotedLeftOut) return;
    this.#hasNotedLeftOut = true;
    const { path: file, code } = error as NodeJS.ErrnoException;
    this.#log.notice(
      `Listings of the directory ${this.#root} skip files that this user may not read, such as ${file} (${code}), so their caches are not found: give this user the right to read them.`,
    );
  }

  async #info(name: string): Promise<ObjectInfo | undefined> {
    const stats = await statObjectFile(this.#file(name));
    if (!stats) return undefined;
    return { name, sizeBytes: Number(stats.size), etag: fileEtag(stats), modifiedMs: modifiedMsOf(stats) };
  }

  async #request<T>(
    operation: string,
    about: string,
    options: CallOptions | undefined,
    work: () => Promise<T>,
  ): Promise<T> {
    options?.signal?.throwIfAborted();
    this.counters.requests++;
    this.#log.debug(`directory ${operation} ${about}`);
    try {
      // The check is repeated after a failure: a network mount may fail for a moment
      if (!this.#isRootChecked) await refuseFileAsDirectory(this.#root);
      this.#isRootChecked = true;
      return await work();
    } catch (error) {
      throw fromSystemError(error, this.#root, options?.signal);
    }
  }
}

/** Sorts names by their bytes. `sort` compares UTF-16, which gives another order only for names that are not ASCII. */
function sortByBytes(names: string[]): string[] {
  if (names.every(name => /^[\x00-\x7f]*$/.test(name))) return names.sort();
  return names
    .map(name => Buffer.from(name))
    .sort(Buffer.compare)
    .map(String);
}
