import { randomBytes } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import type { ByteSpan, ObjectVersion, Upload, UploadOptions } from '../object-store.ts';
import { ObjectExistsError, ObjectReplacedError } from '../store-errors.ts';
import { TEMPORARY_MARK } from './file-names.ts';
import { createFile, fileEtag, isAbsent, publishNew, statFile, toStoreError } from './files.ts';

const COPY_BYTES = 4 * 1024 * 1024;

/** Where an object and the store around it lie. */
export interface Place {
  readonly root: string;
  readonly name: string;
  readonly file: string;
  fileOf(name: string): string;
}

/**
 * One object on its way into the directory: a temporary file beside its place (the same file system), published by
 * one link or rename.
 *
 * No fsync: after a power failure an object may be torn. Restores check every frame against its SHA-256 and replace
 * what is torn, and a gigabyte costs seconds to flush.
 */
export class DirectoryUpload implements Upload {
  accepted = false;
  readonly #place: Place;
  readonly #options: UploadOptions;
  readonly #temporary: string;
  #handle: FileHandle | undefined;
  #failure: unknown;
  #ended = false;
  /** What is being written; never rejects. */
  #underWay: Promise<unknown> = Promise.resolve();

  constructor(place: Place, options: UploadOptions) {
    this.#place = place;
    this.#options = options;
    const random = randomBytes(8).toString('hex');
    this.#temporary = path.join(
      path.dirname(place.file),
      `${TEMPORARY_MARK}${random},${path.basename(place.file)}`,
    );
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
        // Node has no copy_file_range.
        const buffer = Buffer.allocUnsafeSlow(Math.min(COPY_BYTES, range.end - range.start));
        for (let at = range.start; at < range.end; ) {
          this.#checkGoesOn();
          const { bytesRead } = await from.read(buffer, 0, Math.min(buffer.length, range.end - at), at);
          if (bytesRead === 0) throw new ObjectReplacedError(`${source.name} ends before byte ${range.end}`);
          await this.#append(buffer.subarray(0, bytesRead));
          at += bytesRead;
        }
      } finally {
        await from.close();
      }
    });
  }

  complete(): Promise<void> {
    return this.#step(async () => {
      const handle = await this.#open();
      await handle.close();
      await this.#publish();
      this.#ended = true;
    });
  }

  async abort(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    // A copy ends at its next piece; a file it is still writing to could not be removed everywhere
    await this.#underWay;
    await this.#discard();
  }

  async #publish(): Promise<void> {
    const { name, file } = this.#place;
    if (this.#options.onlyIfAbsent) {
      await publishNew(this.#temporary, file).catch(error => {
        throw error instanceof ObjectExistsError
          ? new ObjectExistsError(`${name} was stored by another job meanwhile`, { cause: error })
          : error;
      });
      return;
    }
    const { onlyIfEtag } = this.#options;
    if (onlyIfEtag !== undefined) {
      const present = await statFile(file);
      if (!present || fileEtag(present) !== onlyIfEtag)
        throw new ObjectReplacedError(`${name} was replaced by another job meanwhile`);
    }
    await rename(this.#temporary, file);
  }

  async #openSource(source: ObjectVersion): Promise<FileHandle> {
    let handle: FileHandle;
    try {
      handle = await open(this.#place.fileOf(source.name), 'r');
    } catch (error) {
      if (!isAbsent(error)) throw error;
      throw new ObjectReplacedError(`${source.name} was removed meanwhile`, { cause: error });
    }
    if (fileEtag(await handle.stat({ bigint: true })) === source.etag) return handle;
    await handle.close();
    throw new ObjectReplacedError(`${source.name} was replaced meanwhile`);
  }

  async #open(): Promise<FileHandle> {
    this.#handle ??= await createFile(this.#temporary);
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

  /** One step of the upload. The first failure stays, and takes the temporary file with it. */
  async #step<T>(work: () => Promise<T>): Promise<T> {
    if (this.#failure !== undefined) throw this.#failure;
    const step = (async () => {
      this.#checkGoesOn();
      return work();
    })();
    this.#underWay = step.catch(() => {});
    try {
      return await step;
    } catch (error) {
      this.#failure = toStoreError(error, this.#place.root);
      await this.#discard();
      throw this.#failure;
    }
  }

  #checkGoesOn(): void {
    this.#options.signal?.throwIfAborted();
    if (this.#ended) throw new Error('the upload has ended');
  }

  async #discard(): Promise<void> {
    // Closed already when `complete` failed; a file that cannot be removed is swept later.
    await this.#handle?.close().catch(() => {});
    await rm(this.#temporary, { force: true }).catch(() => {});
  }
}
