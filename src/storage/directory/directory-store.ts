/** This folder keeps objects as files of a directory of the host. */

import { readdir, rm, rmdir } from 'node:fs/promises';
import path from 'node:path';
import { isInUse } from '../../archive/fs/rename.ts';
import type { Log } from '../../report/log.ts';
import { checkName } from '../object-name.ts';
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
import {
  mayHold,
  objectName,
  objectPath,
  prefixDirectory,
  temporaryFile,
  temporaryObjectName,
} from './file-names.ts';
import {
  fileEtag,
  findLink,
  fromSystemError,
  isDenied,
  isNotFound,
  modifiedMsOf,
  refuseFileAsDirectory,
  statObjectFile,
  systemCode,
} from './files.ts';
import { discardFile, replaceFile, retryInUse } from './in-use.ts';
import { readRange } from './read.ts';
import { DirectoryUpload } from './upload.ts';

/** Names in an optional listing, as many as in one page of S3. */
const OPTIONAL_NAMES = 1000;

/**
 * Keeps objects as files of a directory of the host: `endpoint: file:///srv/ci-cache`. The first save makes the
 * directory; until then the store is empty. `root` is its absolute path.
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
  #leftOut = false;

  constructor(root: string, log: Log) {
    this.#root = root;
    this.#log = log;
  }

  get nowMs(): number {
    return Date.now();
  }

  async head(name: string, options?: CallOptions): Promise<ObjectInfo | undefined> {
    return this.#request('head', name, options, async () => {
      if (await this.#isBehindLink(this.#file(name))) return undefined;
      return this.#info(name);
    });
  }

  async getRange(name: string, range: ByteRange, options?: GetOptions): Promise<RangeBytes | undefined> {
    return this.#request('getRange', name, options, async () => {
      const file = this.#file(name);
      if (await this.#isBehindLink(file)) return undefined;
      return readRange(file, name, range, options);
    });
  }

  async *list(prefix: string, options?: ListOptions): AsyncGenerator<ObjectInfo> {
    const leaveOut = (error: unknown) => {
      if (options?.whole || !isDenied(error)) throw error;
      if (!options?.optional) this.#noteLeftOut(error);
    };
    const found = await this.#request('list', prefix, options, async () => {
      const names: string[] = [];
      for await (const levels of walkFiles(this.#root, prefix, leaveOut)) {
        options?.signal?.throwIfAborted();
        const name = objectName(levels);
        if (name?.startsWith(prefix)) names.push(name);
      }
      return inByteOrder(names);
    });
    for (const name of options?.optional ? found.slice(0, OPTIONAL_NAMES) : found) {
      const info = await this.#request('stat', name, options, () => this.#info(name).catch(leaveOut));
      if (info) yield info;
    }
  }

  createUpload(name: string, options: UploadOptions): Upload {
    this.counters.requests++;
    return new DirectoryUpload(
      { root: this.#root, name, file: this.#file(name), fileOf: other => this.#file(other) },
      options,
    );
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
      if (!(await statObjectFile(file)) || (await this.#isBehindLink(file))) return;
      await retryInUse(() => rm(file, { force: true }), options?.signal);
      await removeEmptyDirectories(path.dirname(file), this.#root);
    });
  }

  async *unfinishedUploads(
    prefix: string,
    olderThanMs: number,
    options?: CallOptions,
  ): AsyncGenerator<UnfinishedUpload> {
    const now = Date.now();
    yield* await this.#request('unfinishedUploads', prefix, options, () =>
      this.#temporaryFiles(prefix, now - olderThanMs),
    );
  }

  async abortStale(prefix: string, olderThanMs: number, options?: SweepOptions): Promise<number> {
    const isOwn = options?.isOwn ?? (() => true);
    return this.#request('abortStale', prefix, options, async () => {
      const temporary = await this.#temporaryFiles(prefix, Number.POSITIVE_INFINITY);
      if (temporary.length === 0) return 0;
      const oldestMs = (await this.#fileSystemTimeMs(prefix)) - olderThanMs;
      const stale = temporary.filter(({ name, begunMs }) => begunMs <= oldestMs && isOwn(name));
      let removed = 0;
      let refusal: unknown;
      for (const { file } of stale) {
        try {
          if (await removeUnlessInUse(file)) removed++;
        } catch (error) {
          if (!isDenied(error)) throw error;
          refusal ??= error;
        }
      }
      if (removed === 0 && refusal !== undefined) throw refusal;
      return removed;
    });
  }

  /** Returns the files of uploads under `prefix` that were last written to before `oldestMs`. Leaves out those of other users. */
  async #temporaryFiles(
    prefix: string,
    oldestMs: number,
  ): Promise<(UnfinishedUpload & { readonly file: string })[]> {
    const found: (UnfinishedUpload & { readonly file: string })[] = [];
    const leaveOut = (error: unknown) => {
      if (!isDenied(error)) throw error;
      this.#log.debug(`directory: left out: ${(error as Error).message}`);
    };
    for await (const levels of walkFiles(this.#root, prefix, leaveOut)) {
      const name = temporaryObjectName(levels);
      if (!name?.startsWith(prefix)) continue;
      const file = path.join(this.#root, ...levels);
      const stats = await statObjectFile(file).catch(leaveOut);
      const begunMs = stats && modifiedMsOf(stats);
      if (begunMs !== undefined && begunMs <= oldestMs) found.push({ name, begunMs, file });
    }
    return found;
  }

  close(): void {}

  #file(name: string): string {
    return path.join(this.#root, objectPath(checkName(name)));
  }

  async #isBehindLink(file: string): Promise<boolean> {
    return (await findLink(path.dirname(file), this.#root)) !== undefined;
  }

  /** Reports once that listings are not whole. */
  #noteLeftOut(error: unknown): void {
    if (!this.#leftOut) {
      const { path: file, code } = error as NodeJS.ErrnoException;
      this.#log.notice(
        `Listings of the directory ${this.#root} leave out what this user may not read, such as ${file} (${code}).`,
      );
    }
    this.#leftOut = true;
  }

  async #info(name: string): Promise<ObjectInfo | undefined> {
    const stats = await statObjectFile(this.#file(name));
    return (
      stats && {
        name,
        sizeBytes: Number(stats.size),
        etag: fileEtag(stats),
        modifiedMs: modifiedMsOf(stats),
      }
    );
  }

  /** Returns the time, in ms, by the clock of the file system: on a network mount that is the server's. */
  async #fileSystemTimeMs(prefix: string): Promise<number> {
    // It has the name of an unfinished upload, so a later sweep removes it if this process is killed
    const probe = temporaryFile(this.#file(`${prefix}clock`));
    const handle = await createFile(probe, this.#root);
    try {
      return (await handle.stat()).mtimeMs;
    } finally {
      await handle.close();
      await discardFile(probe);
    }
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
      // Again after a failure, which may be that of a network mount for a moment
      if (!this.#isRootChecked) await refuseFileAsDirectory(this.#root);
      this.#isRootChecked = true;
      return await work();
    } catch (error) {
      throw fromSystemError(error, this.#root);
    }
  }
}

/** Returns whether a file of an upload was removed: on Windows a process may have it open. Throws the system's other errors. */
async function removeUnlessInUse(file: string): Promise<boolean> {
  try {
    await rm(file, { force: true });
    return true;
  } catch (error) {
    if (isInUse(error)) return false;
    throw error;
  }
}

/**
 * Yields the files that may be objects whose names start with `prefix`, as the levels of their paths below `root`. Follows no
 * link: yields none if the directory of the prefix does not exist, or is behind one. Passes the system's errors of the
 * directories below it to `leaveOut`, which throws them or has them left out, and throws those of the directory itself.
 */
async function* walkFiles(
  root: string,
  prefix: string,
  leaveOut: (error: unknown) => void,
): AsyncGenerator<string[]> {
  const directory = prefixDirectory(prefix);
  if ((await findLink(path.join(root, directory), root)) !== undefined) return;
  const first = directory === '.' ? [] : directory.split(path.sep);
  const open = [first];
  for (let levels = open.pop(); levels; levels = open.pop()) {
    const entries = entriesOf(path.join(root, ...levels));
    for (const entry of (await (levels === first ? entries : entries.catch(leaveOut))) ?? []) {
      const below = [...levels, entry.name];
      if (entry.isFile()) yield below;
      else if (entry.isDirectory() && (levels !== first || mayHold(below, prefix))) open.push(below);
    }
  }
}

async function entriesOf(directory: string) {
  try {
    return await readdir(directory, { withFileTypes: true });
  } catch (error) {
    // Too deep to hold an object, whose path the system accepts
    if (isNotFound(error) || systemCode(error) === 'ENAMETOOLONG') return [];
    throw error;
  }
}

/** Removes a directory below `root` and those above it, as long as they are empty. Never throws. */
async function removeEmptyDirectories(directory: string, root: string): Promise<void> {
  for (let empty = directory; empty !== root && empty.startsWith(root); empty = path.dirname(empty)) {
    try {
      await rmdir(empty);
    } catch {
      return;
    }
  }
}

/** Sorts names by their bytes. Only names that are not ASCII have another order by UTF-16, the order of `sort`. */
function inByteOrder(names: string[]): string[] {
  if (names.every(name => /^[\x00-\x7f]*$/.test(name))) return names.sort();
  return names
    .map(name => Buffer.from(name))
    .sort(Buffer.compare)
    .map(String);
}
