import { Buffer } from 'node:buffer';
import { encodeName } from '../../fs/paths/names.ts';

/** Columns that encode item by item: objects for the 100,000 entries of a manifest would take more memory. */

const FIRST_BYTES = 64;
/** Bytes of the longest number: 53 bits and a sign, seven bits in each byte. */
const NUMBER_BYTES = 8;

/** A column of whole numbers as LEB128 varints (up to 2^53 - 1), signed ones zigzag (up to 2^52). */
export class NumberColumn {
  #bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
  #at = 0;

  /** Adds `values`, each 0 or more. */
  constructor(values: readonly number[] = []) {
    for (const value of values) this.addUnsigned(value);
  }

  addUnsigned(value: number): void {
    if (this.#at + NUMBER_BYTES > this.#bytes.length) this.#grow();
    let rest = value;
    while (rest >= 0x80) {
      this.#bytes[this.#at++] = (rest & 0x7f) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes[this.#at++] = rest;
  }

  addSigned(value: number): void {
    this.addUnsigned(value < 0 ? -2 * value - 1 : 2 * value);
  }

  toBuffer(): Buffer {
    return this.#bytes.subarray(0, this.#at);
  }

  #grow(): void {
    const larger = Buffer.allocUnsafeSlow(2 * this.#bytes.length);
    this.#bytes.copy(larger);
    this.#bytes = larger;
  }
}

/** Names that are encoded together: one call for many takes less time, and only so many are kept as strings. */
const NAMES_A_BLOCK = 1024;

/** A column of names, each followed by a NUL, which no name can contain. */
export class NameColumn {
  readonly #blocks: Buffer[] = [];
  #waiting: string[] = [];

  add(name: string): void {
    this.#waiting.push(name);
    if (this.#waiting.length === NAMES_A_BLOCK) this.#flush();
  }

  toBuffer(): Buffer {
    this.#flush();
    return Buffer.concat(this.#blocks);
  }

  #flush(): void {
    if (this.#waiting.length === 0) return;
    this.#blocks.push(bytesOf(this.#waiting));
    this.#waiting = [];
  }
}

function bytesOf(names: readonly string[]): Buffer {
  const joined = `${names.join('\0')}\0`;
  if (joined.isWellFormed()) return Buffer.from(joined, 'utf8');
  const end = Buffer.from([0]);
  return Buffer.concat(names.flatMap(name => [encodeName(name), end]));
}
