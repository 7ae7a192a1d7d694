import type { Buffer } from 'node:buffer';
import { DamagedArchiveError } from '../../archive-errors.ts';
import { decodeName } from '../../fs/paths/names.ts';
import { MAX_NAME_BYTES } from '../limits.ts';

/** Names and bytes that are decoded together: one call for many takes less time, but the event loop must not wait long. */
const NAMES_A_BLOCK = 4096;
const BYTES_A_BLOCK = 256 * 1024;

/** Reads the names or link targets of a column one by one. Throws `DamagedArchiveError` for one that is too long or missing. */
export class NameReader {
  readonly #column: Buffer;
  /** Decoded names, and their lengths in bytes. */
  #names: readonly string[] = [];
  #lengths: number[] = [];
  #next = 0;
  /** Offset in the column of the end of the decoded names. */
  #at = 0;

  constructor(column: Buffer) {
    this.#column = column;
  }

  /** Returns the next name. */
  read(): string {
    if (this.#next === this.#names.length) this.#decode();
    return this.#names[this.#next++]!;
  }

  /** Length in bytes of the name that was read last. */
  get length(): number {
    return this.#lengths[this.#next - 1]!;
  }

  /** Throws if names follow. */
  end(): void {
    if (this.#next !== this.#names.length || this.#at !== this.#column.length)
      throw new DamagedArchiveError(WRONG_COUNT);
  }

  #decode(): void {
    const start = this.#at;
    if (start === this.#column.length) throw new DamagedArchiveError(WRONG_COUNT);
    const most = Math.min(start + BYTES_A_BLOCK, this.#column.length);
    this.#lengths = [];
    this.#next = 0;
    while (this.#at < most && this.#lengths.length < NAMES_A_BLOCK) {
      const end = this.#endOfName(this.#at);
      this.#lengths.push(end - this.#at);
      this.#at = end + 1;
    }
    const block = this.#column.subarray(start, this.#at);
    const text = block.toString('utf8');
    // If one of the names is not UTF-8, each is decoded separately
    this.#names = text.includes('\ufffd') ? this.#decodeEach(start) : text.slice(0, -1).split('\0');
  }

  #endOfName(start: number): number {
    const column = this.#column;
    const most = Math.min(start + MAX_NAME_BYTES, column.length - 1);
    let end = start;
    while (end < most && column[end] !== 0) end++;
    if (column[end] === 0) return end;
    throw new DamagedArchiveError(
      end === column.length - 1
        ? 'a name in its manifest does not end'
        : 'a name in its manifest is too long',
    );
  }

  #decodeEach(start: number): string[] {
    let at = start;
    return this.#lengths.map(length => {
      const name = decodeName(this.#column.subarray(at, at + length));
      at += length + 1;
      return name;
    });
  }
}

const WRONG_COUNT = 'its manifest has a wrong number of names';
