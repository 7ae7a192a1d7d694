import type { FileHandle } from 'node:fs/promises';
import path from 'node:path';
import type { ByteSpan, ObjectVersion, Upload, UploadOptions } from '../object-store.ts';
import { ObjectExistsError, ObjectReplacedError, objectReplaced } from '../store-errors.ts';
import { createFile } from './create-file.ts';
import { objectFile, temporaryFile } from './file-names.ts';
import { fileEtag, findLink, fromSystemError, openObjectFile, publishNew, statObjectFile } from './files.ts';
import { discardFile, replaceFile } from './in-use.ts';

const COPY_BYTES = 4 * 1024 * 1024;

/**
 * Writes an object to a temporary file in its directory, and publishes it by one link or rename.
 *
 * There is no fsync, which takes seconds for a gigabyte: after a power failure an object may be torn. A restore checks
 * every frame against its SHA-256, and the next save replaces a damaged object.
 */
export class DirectoryUpload implements Upload {
  accepted = false;
  /** Always 0: a write resolves when the bytes are in the file. */
  readonly queued = 0;
  readonly #root: string;
  readonly #name: string;
  readonly #file: string;
  readonly #options: UploadOptions;
  readonly #temporary: string;
  #handle: FileHandle | undefined;
  #failure: unknown;
  #hasEnded = false;
  /** The running step. Never rejects. */
  #underWay: Promise<unknown> = Promise.resolve();

  /** @param root absolute path of the store. */
  constructor(root: string, name: string, options: UploadOptions) {
    this.#root = root;
    this.#name = name;
    this.#file = objectFile(root, name);
    this.#options = options;
    this.#temporary = temporaryFile(this.#file);
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#step(async () => {
      await this.#append(bytes);
      this.#options.onBytes?.(bytes.length);
    });
  }

  copyRange(source: ObjectVersion, range: ByteSpan): Promise<void> {
    return this.#step(async () => {
      const from = await this.#openSource(source);
      try {
        // Node has no copy_file_range
        const buffer = Buffer.allocUnsafeSlow(Math.min(COPY_BYTES, range.end - range.start));
        for (let at = range.start; at < range.end; ) {
          this.#throwIfEnded();
          const { bytesRead } = await from.read(buffer, 0, Math.min(buffer.length, range.end - at), at);
          if (bytesRead === 0) throw new ObjectReplacedError(`${source.name} ends before byte ${range.end}`);
          await this.#append(buffer.subarray(0, bytesRead));
          at += bytesRead;
        }
      } finally {
        // Its error does not matter: the bytes are read
        await from.close().catch(() => {});
      }
    });
  }

  complete(): Promise<void> {
    return this.#step(async () => {
      const handle = await this.#open();
      await handle.close();
      await this.#publish();
      this.#hasEnded = true;
    });
  }

  async abort(): Promise<void> {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    // A copy ends after its present piece. Some systems cannot remove a file that is open for writing
    await this.#underWay;
    await this.#discard();
  }

  async #publish(): Promise<void> {
    const { onlyIfAbsent, onlyIfEtag, signal } = this.#options;
    if (onlyIfAbsent) {
      if (await publishNew(this.#temporary, this.#file, signal)) return;
      throw new ObjectExistsError(`${this.#name} was stored by another job meanwhile`);
    }
    if (onlyIfEtag !== undefined) {
      const present = await statObjectFile(this.#file);
      if (!present || fileEtag(present) !== onlyIfEtag)
        throw new ObjectReplacedError(`${this.#name} was replaced by another job meanwhile`);
    }
    await replaceFile(this.#temporary, this.#file, signal);
  }

  async #openSource(source: ObjectVersion): Promise<FileHandle> {
    const file = objectFile(this.#root, source.name);
    const link = await findLink(path.dirname(file), this.#root);
    const opened = link === undefined && (await openObjectFile(file, this.#options.signal));
    if (!opened) throw new ObjectReplacedError(`${source.name} was removed meanwhile`);
    if (fileEtag(opened.stats) === source.etag) return opened.handle;
    await opened.handle.close();
    throw objectReplaced(source.name);
  }

  async #open(): Promise<FileHandle> {
    this.#handle ??= await createFile(this.#temporary, this.#root);
    return this.#handle;
  }

  async #append(bytes: Uint8Array): Promise<void> {
    const handle = await this.#open();
    for (let written = 0; written < bytes.length; ) {
      const { bytesWritten } = await handle.write(bytes, written);
      written += bytesWritten;
      this.accepted = true;
    }
  }

  /** Runs one step of the upload. The first failure removes the temporary file, and all later steps reject with it. */
  async #step(work: () => Promise<void>): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      this.#throwIfEnded();
      const step = work();
      this.#underWay = step.catch(() => {});
      await step;
    } catch (error) {
      this.#failure = fromSystemError(error, this.#root, this.#options.signal);
      await this.#discard();
      throw this.#failure;
    }
  }

  #throwIfEnded(): void {
    this.#options.signal?.throwIfAborted();
    if (this.#hasEnded) throw new Error('the upload has ended');
  }

  async #discard(): Promise<void> {
    // `complete` may have closed it. A later sweep removes a file that cannot be removed now
    await this.#handle?.close().catch(() => {});
    await discardFile(this.#temporary);
  }
}
