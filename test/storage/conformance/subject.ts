import { createHash, randomBytes } from 'node:crypto';
import type { ObjectInfo, ObjectStore, UploadOptions } from '../../../src/storage/object-store.ts';

export const MiB = 1024 * 1024;

/** An upload that a test has no wishes about. */
export const anew: UploadOptions = { partSizeBytes: 5 * MiB, onlyIfAbsent: true };

// One block for all: random bytes cost more than storing them
export const noise = randomBytes(18 * MiB);

/** Copied, because a store owns what is written. */
export function bytesOf(size: number, from = 0): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(noise.subarray(from, from + size));
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** The store that a suite asks, and what it asks again and again. */
export class Subject {
  /** A new store; all of them see the same objects. */
  readonly open: () => ObjectStore;
  #store: ObjectStore | undefined;

  constructor(open: () => ObjectStore) {
    this.open = open;
  }

  /** One for all tests. */
  get store(): ObjectStore {
    this.#store ??= this.open();
    return this.#store;
  }

  close(): void {
    this.#store?.close();
  }

  async put(name: string, bytes: Uint8Array, options: Partial<UploadOptions> = {}): Promise<ObjectInfo> {
    const upload = this.store.createUpload(name, { ...anew, onlyIfAbsent: false, ...options });
    await upload.write(bytes);
    await upload.complete();
    const info = await this.store.head(name);
    if (!info) throw new Error(`${name} is not there after its upload`);
    return info;
  }

  async read(name: string): Promise<Buffer | undefined> {
    const info = await this.store.head(name);
    if (!info) return undefined;
    return Buffer.from((await this.store.getRange(name, { start: 0, end: info.sizeBytes }))?.bytes ?? []);
  }

  async names(prefix: string): Promise<string[]> {
    const found: string[] = [];
    for await (const { name } of this.store.list(prefix)) found.push(name);
    return found;
  }
}
