import type { FileHandle } from 'node:fs/promises';
import type { ByteSpan, ObjectVersion, Upload, UploadOptions } from '../object-store.ts';
import { ObjectExistsError, ObjectReplacedError, objectReplaced } from '../store-errors.ts';
import { createFile } from './create-file.ts';
import { objectFile, temporaryFile } from './file-names.ts';
import { fileEtag, fromSystemError, publishNew, statObjectFile } from './files.ts';
import { discardFile, replaceFile } from './in-use.ts';
import { READ_BYTES, readRange } from './read.ts';

/**
 * Writes an object to a temporary file in its directory, and publishes it by one link or rename.
 *
 * There is no fsync, which takes seconds for a gigabyte: after a power failure an object may be torn. A restore checks
 * every frame against its SHA-256, and the next save replaces a damaged object.
 */
export class DirectoryUpload implements Upload {
  hasStoredBytes = false;
  /** Use of the queue, always 0: a write resolves when the bytes are in the file. */
  readonly queueFill = 0;
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
    return this.#runStep(async () => {
      await this.#append(bytes);
      this.#options.onBytes?.(bytes.length);
    });
  }

  copyRange(source: ObjectVersion, { start, end }: ByteSpan): Promise<void> {
    const { name, etag } = source;
    const { signal } = this.#options;
    return this.#runStep(async () => {
      // Node has no copy_file_range
      for (let at = start; at < end; at += READ_BYTES) {
        this.#throwIfEnded();
        const pieceEnd = Math.min(end, at + READ_BYTES);
        const piece = await readRange(this.#root, name, { start: at, end: pieceEnd }, { etag, signal });
        if (!piece) throw objectReplaced(name);
        if (at + piece.bytes.length < pieceEnd)
          throw new ObjectReplacedError(`${name} ends before byte ${end}`);
        await this.#append(piece.bytes);
      }
    });
  }

  complete(): Promise<void> {
    return this.#runStep(async () => {
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

  async #open(): Promise<FileHandle> {
    this.#handle ??= await createFile(this.#temporary, this.#root);
    return this.#handle;
  }

  async #append(bytes: Uint8Array): Promise<void> {
    const handle = await this.#open();
    for (let written = 0; written < bytes.length; ) {
      const { bytesWritten } = await handle.write(bytes, written);
      written += bytesWritten;
      this.hasStoredBytes = true;
    }
  }

  /** Runs one step of the upload. The first failure removes the temporary file, and all later steps reject with it. */
  async #runStep(work: () => Promise<void>): Promise<void> {
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
