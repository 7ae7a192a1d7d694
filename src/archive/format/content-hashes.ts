import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import type { IHasher } from 'hash-wasm';
import { countPieces } from './data-pieces.ts';
import type { Manifest } from './entry.ts';

export const CONTENT_HASH_BYTES = 16;
const WORDS = CONTENT_HASH_BYTES / 4;
const KEY_BYTES = 8;

/** Returns the key of a new table of hashes: random, so that no content can have been made for it. */
export function newHashKey(): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(randomBytes(KEY_BYTES));
}

/** The latest key of this thread and its hasher: a step has one table. */
let last: { readonly key: Buffer; readonly hasher: Promise<ContentHasher> } | undefined;

/** Returns the hasher of a table's key. The first call in a thread loads WebAssembly. */
export function hasherOf(key: Uint8Array): Promise<ContentHasher> {
  if (!last?.key.equals(key)) last = { key: Buffer.from(key), hasher: createHasher(Buffer.from(key)) };
  return last.hasher;
}

async function createHasher(key: Buffer): Promise<ContentHasher> {
  const { createXXHash128 } = await import('./xxhash.ts');
  return new ContentHasher(await createXXHash128(key.readUInt32LE(0), key.readUInt32LE(4)));
}

/**
 * Hashes contents by XXH3 with 128 bits, seeded with the key of a table. Different contents have different hashes, unless one was
 * made to have the hash of another. ADR 0024 has the reasons and the figures.
 */
export class ContentHasher {
  readonly #xxhash: IHasher;

  constructor(xxhash: IHasher) {
    this.#xxhash = xxhash;
  }

  /** Writes the hash of `content` to `target` at byte `at`. */
  write(content: Uint8Array, target: Uint8Array, at: number): void {
    target.set(this.#xxhash.init().update(content).digest('binary'), at);
  }
}

/**
 * Hashes of the data of an archive's files, by entry and piece (`dataPieces`). They are made from the bytes of the archive: a
 * file of the same size and hash has the archived content, also if another program has written it.
 */
export class ContentHashes {
  readonly key: Uint8Array;
  /** `CONTENT_HASH_BYTES` for each piece, in the order of the entries; zeros for a hash that is not known. */
  readonly values: Buffer<ArrayBuffer>;
  readonly #words: Uint32Array;
  /** Index of the first piece of each entry. */
  readonly #first: Uint32Array;

  /** Throws RangeError if `key` has a wrong length, or `values` has another one than the pieces of `manifest` require. */
  constructor(manifest: Pick<Manifest, 'entries' | 'frames'>, key: Uint8Array, values?: Buffer<ArrayBuffer>) {
    if (key.length !== KEY_BYTES) throw new RangeError('a key of hashes has another length');
    this.key = key;
    const { entries, frames } = manifest;
    this.#first = new Uint32Array(entries.length + 1);
    entries.forEach((entry, index) => {
      this.#first[index + 1] = this.#first[index]! + countPieces(entry, frames);
    });
    const bytes = this.#first[entries.length]! * CONTENT_HASH_BYTES;
    if (values && values.length !== bytes) throw new RangeError('a table of hashes has another length');
    this.values = values ?? Buffer.from(new ArrayBuffer(bytes));
    this.#words = new Uint32Array(this.values.buffer, this.values.byteOffset, bytes / 4);
  }

  /** Sets the hash of a piece to the bytes of `source` at `at`. */
  set(entry: number, piece: number, source: Uint8Array, at: number): void {
    const start = (this.#first[entry]! + piece) * CONTENT_HASH_BYTES;
    for (let byte = 0; byte < CONTENT_HASH_BYTES; byte++) this.values[start + byte] = source[at + byte]!;
  }

  /** Returns the hash of a piece. */
  get(entry: number, piece: number): Uint8Array {
    const start = (this.#first[entry]! + piece) * CONTENT_HASH_BYTES;
    return this.values.subarray(start, start + CONTENT_HASH_BYTES);
  }

  /** Returns whether an entry has data, and all hashes of it are known. */
  has(entry: number): boolean {
    const end = this.#first[entry + 1]!;
    for (let piece = this.#first[entry]!; piece < end; piece++) if (!this.#isKnown(piece)) return false;
    return end > this.#first[entry]!;
  }

  #isKnown(piece: number): boolean {
    const words = this.#words;
    const at = piece * WORDS;
    return (words[at]! | words[at + 1]! | words[at + 2]! | words[at + 3]!) !== 0;
  }
}
