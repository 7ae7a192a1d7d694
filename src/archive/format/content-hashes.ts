import { Buffer } from 'node:buffer';
import { createCipheriv, createSecretKey, hash, type KeyObject, randomBytes } from 'node:crypto';
import { dataPieces, isInOneFrame } from './data-pieces.ts';
import type { Entry, Manifest } from './entry.ts';

/** Bytes of the hash of a content. */
export const CONTENT_HASH_BYTES = 16;
const WORDS = CONTENT_HASH_BYTES / 4;
/** Below this many bytes SHA-256 is faster, above it GMAC, which costs more for each call. */
const SHA_BYTES = 4096;
/** A key is used for one table of hashes, which is no secret: no two of them may differ by the nonce. */
const NONCE = Buffer.alloc(12);

/** Returns the key of a new table of hashes: random, so that no content has been chosen for it. */
export function newHashKey(): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(randomBytes(CONTENT_HASH_BYTES));
}

/**
 * Hashes contents with the key of a table: the AES-GMAC of NIST SP 800-38D, and of small ones SHA-256, cut to the same length.
 * Both find every change that was not made to hide from them. ADR 0024 has the reasons and the figures.
 */
export class ContentHasher {
  /** As an object it costs a quarter of the time of its bytes. */
  readonly #key: KeyObject;

  constructor(key: Uint8Array) {
    this.#key = createSecretKey(key);
  }

  /** Writes the hash of `content` to `target` at byte `at`. */
  write(content: Uint8Array, target: Buffer, at: number): void {
    // A string of bytes: of a small file, a buffer for the result would take a third of the time
    if (content.length < SHA_BYTES) {
      target.write(hash('sha256', content, 'binary'), at, CONTENT_HASH_BYTES, 'latin1');
      return;
    }
    const cipher = createCipheriv('aes-128-gcm', this.#key, NONCE);
    cipher.setAAD(content).final();
    cipher.getAuthTag().copy(target, at);
  }
}

/**
 * Hashes of the data of an archive's files, by entry and piece (`dataPieces`). They are those of the archive's own bytes: a file
 * of the same size and hash has the content of the archive, however it came there.
 */
export class ContentHashes {
  readonly key: Uint8Array;
  /** `CONTENT_HASH_BYTES` for each piece, in the order of the entries; zeros if it is not known. */
  readonly values: Buffer<ArrayBuffer>;
  readonly #words: Uint32Array;
  /** Index of the first piece of each entry. */
  readonly #first: Uint32Array;

  /** Throws RangeError when `values` is not as long as the pieces of `manifest` require. */
  constructor(manifest: Pick<Manifest, 'entries' | 'frames'>, key: Uint8Array, values?: Buffer<ArrayBuffer>) {
    this.key = key;
    const { entries } = manifest;
    this.#first = new Uint32Array(entries.length + 1);
    entries.forEach((entry, index) => {
      this.#first[index + 1] = this.#first[index]! + countPieces(entry, manifest);
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

function countPieces(entry: Entry, { frames }: Pick<Manifest, 'frames'>): number {
  if (entry.size === 0) return 0;
  if (isInOneFrame(entry, frames)) return 1;
  let count = 0;
  for (const _ of dataPieces(entry, frames)) count++;
  return count;
}
