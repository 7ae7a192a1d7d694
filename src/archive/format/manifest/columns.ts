import { Buffer } from 'node:buffer';
import { DamagedArchiveError } from '../../archive-errors.ts';

/**
 * Joins columns, as of a manifest: for each the length as a u32, and its bytes. Columns of similar values compress to about ten
 * bytes for each entry.
 */
export function joinColumns(columns: readonly Uint8Array[]): Buffer {
  return Buffer.concat(columns.flatMap(column => [lengthOf(column), column]));
}

function lengthOf(column: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(column.length);
  return length;
}

/** Reads the columns of `joinColumns`, in the same order. Throws `DamagedArchiveError` for bytes that do not fit. */
export class ColumnReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** Returns the bytes of the next column. */
  readBytes(): Buffer {
    const start = this.#at + 4;
    if (start > this.#bytes.length) throw new DamagedArchiveError('its manifest is cut short');
    const end = start + this.#bytes.readUInt32LE(this.#at);
    if (end > this.#bytes.length) throw new DamagedArchiveError('its manifest is cut short');
    this.#at = end;
    return this.#bytes.subarray(start, end);
  }

  /** Returns another reader at the same column. */
  fork(): ColumnReader {
    return new ColumnReader(this.#bytes.subarray(this.#at));
  }

  readNumbers(): NumberReader {
    return new NumberReader(this.readBytes());
  }

  /** Throws `DamagedArchiveError` if bytes follow. */
  end(): void {
    if (this.#at !== this.#bytes.length) throw new DamagedArchiveError('its manifest has trailing bytes');
  }
}

/** Reads the numbers of a column one by one. Throws `DamagedArchiveError` if there are fewer or more. */
class NumberReader {
  readonly #column: Buffer;
  #at = 0;

  constructor(column: Buffer) {
    this.#column = column;
  }

  /** Returns the next number, 0 to 2^53 - 1. */
  readUnsigned(): number {
    const column = this.#column;
    let at = this.#at;
    // Most numbers have one byte
    let byte = column[at++]!;
    let value = byte & 0x7f;
    for (let scale = 0x80; byte >= 0x80; scale *= 0x80) {
      if (scale > 2 ** 49) throw new DamagedArchiveError(OUT_OF_RANGE);
      byte = column[at++]!;
      value += (byte & 0x7f) * scale;
    }
    if (at > column.length) throw new DamagedArchiveError('a column of its manifest is too short');
    if (value > Number.MAX_SAFE_INTEGER) throw new DamagedArchiveError(OUT_OF_RANGE);
    this.#at = at;
    return value;
  }

  /** Returns the next number, between -2^52 and 2^52. */
  readSigned(): number {
    const value = this.readUnsigned();
    return (value & 1) === 0 ? value / 2 : -(value + 1) / 2;
  }

  /** Throws if numbers follow. */
  end(): void {
    if (this.#at !== this.#column.length)
      throw new DamagedArchiveError('a column of its manifest is too long');
  }
}

const OUT_OF_RANGE = 'a number in its manifest is out of range';
