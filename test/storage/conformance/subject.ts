import { createHash, randomBytes } from 'node:crypto';
import type { ObjectInfo, ObjectStore, UploadOptions } from '../../../src/storage/object-store.ts';
import { listNames, putObject } from '../../support/put-object.ts';
import { MiB } from '../../support/sizes.ts';

/** Options of an upload for tests that need no others. */
export const anew: UploadOptions = { partSizeBytes: 5 * MiB, onlyIfAbsent: true };

// One block for all: random bytes cost more than storing them
export const noise = randomBytes(18 * MiB);

/** Returns a copy, because a store owns the written bytes. */
export function bytesOf(size: number, from = 0): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(noise.subarray(from, from + size));
}

export function sha256Hex(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Properties in which stores differ. */
export interface Traits {
  /** Conditional writes are exact: of several writers one wins. Otherwise one of their objects is kept, whole. */
  readonly exactConditions: boolean;
  /** Parts of objects can be copied. Otherwise `copyRange` throws CopyRefusedError. */
  readonly copies: boolean;
}

/** The store under test, with helpers of the suite. */
export class Subject {
  /** Opens a new store. All of them see the same objects. */
  readonly open: () => ObjectStore;
  readonly traits: Traits;
  #store: ObjectStore | undefined;

  constructor(open: () => ObjectStore, traits: Partial<Traits>) {
    this.open = open;
    this.traits = { exactConditions: true, copies: true, ...traits };
  }

  /** The store that all tests share. */
  get store(): ObjectStore {
    this.#store ??= this.open();
    return this.#store;
  }

  close(): void {
    this.#store?.close();
  }

  async put(name: string, bytes: Uint8Array, options: Partial<UploadOptions> = {}): Promise<ObjectInfo> {
    await putObject(this.store, name, bytes, options);
    const info = await this.store.head(name);
    if (!info) throw new Error(`${name} is not there after its upload`);
    return info;
  }

  async read(name: string): Promise<Buffer | undefined> {
    const info = await this.store.head(name);
    if (!info) return undefined;
    return Buffer.from((await this.store.getRange(name, { start: 0, end: info.sizeBytes }))?.bytes ?? []);
  }

  names(prefix: string): Promise<string[]> {
    return listNames(this.store, prefix);
  }
}
