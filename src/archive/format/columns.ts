import { Buffer } from 'node:buffer';
import { DamagedArchiveError } from '../archive-errors.ts';
import { NumberColumn } from './column-buffers.ts';

/**
 * Writes the columns of the manifest: each a u32 length and its bytes. Numbers are LEB128 varints (up to 2^53 - 1), signed
 * ones zigzag. Columns of similar values compress to about ten bytes an entry.
 */
export class ColumnWriter {
  readonly #pieces: Buffer[] = [];

  bytes(column: Uint8Array): void {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(column.length);
    this.#pieces.push(length, Buffer.from(column.buffer, column.byteOffset, column.byteLength));
  }

  /** A column of whole numbers, 0 to 2^53 - 1. */
  unsigned(values: readonly number[]): void {
    const column = new NumberColumn();
    for (const value of values) column.unsigned(value);
    this.bytes(column.written());
  }

  /** A column of whole numbers between -2^52 and 2^52. */
  signed(values: readonly number[]): void {
    const column = new NumberColumn();
    for (const value of values) column.signed(value);
    this.bytes(column.written());
  }

  finish(): Buffer {
    return Buffer.concat(this.#pieces);
  }
}

/** Reads the columns of a `ColumnWriter`, in the same order. Throws `DamagedArchiveError` for bytes that do not fit. */
export class ColumnReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  bytes(): Buffer {
    const start = this.#at + 4;
    if (start > this.#bytes.length) throw new DamagedArchiveError('its manifest is cut short');
    const end = start + this.#bytes.readUInt32LE(this.#at);
    if (end > this.#bytes.length) throw new DamagedArchiveError('its manifest is cut short');
    this.#at = end;
    return this.#bytes.subarray(start, end);
  }

  /** Exactly `count` whole numbers, 0 to 2^53 - 1. */
  unsigned(count: number): Float64Array {
    const column = this.bytes();
    // Each number takes at least a byte: a false count must not allocate memory
    if (count > column.length) throw new DamagedArchiveError('a column of its manifest is too short');
    const values = new Float64Array(count);
    let at = 0;
    for (let index = 0; index < count; index++) {
      let value = 0;
      let scale = 1;
      let byte: number;
      do {
        if (at >= column.length || scale > 2 ** 49) {
          throw new DamagedArchiveError('a number in its manifest is out of range');
        }
        byte = column[at++]!;
        value += (byte & 0x7f) * scale;
        scale *= 0x80;
      } while (byte >= 0x80);
      if (value > Number.MAX_SAFE_INTEGER) {
        throw new DamagedArchiveError('a number in its manifest is out of range');
      }
      values[index] = value;
    }
    if (at !== column.length) throw new DamagedArchiveError('a column of its manifest is too long');
    return values;
  }

  /** Exactly `count` whole numbers between -2^52 and 2^52. */
  signed(count: number): Float64Array {
    const values = this.unsigned(count);
    for (let index = 0; index < count; index++) {
      const value = values[index]!;
      values[index] = value % 2 === 0 ? value / 2 : -(value + 1) / 2;
    }
    return values;
  }

  /** Throws `DamagedArchiveError` if bytes follow. */
  end(): void {
    if (this.#at !== this.#bytes.length) throw new DamagedArchiveError('its manifest has trailing bytes');
  }
}
