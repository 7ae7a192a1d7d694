import type { BigIntStats } from 'node:fs';

/** Columns of a row. */
const DEV = 0;
const INO = 1;
const SIZE = 2;
const MODE = 3;
const UID = 4;
const GID = 5;
const MTIME = 6;
const CTIME = 7;
const WIDTH = 8;
const ROW_WORDS = 2 * WIDTH;

/** The part of a file's status that is in a row, with times in ns. */
export type RowStatus = Pick<
  BigIntStats,
  'dev' | 'ino' | 'size' | 'mode' | 'uid' | 'gid' | 'mtimeNs' | 'ctimeNs'
>;

/**
 * The status of each restored file after its last change, by entry. A file whose status equals its row is the one that was
 * restored. Size and mtime are not enough: npm gives every file the same mtime, and the rename of a directory over another
 * leaves the times of its children as they are.
 */
export class StatusRows {
  readonly values: BigInt64Array<ArrayBuffer>;
  readonly #words: Int32Array;

  /** Throws RangeError if `values` is not a whole number of rows. */
  constructor(values: BigInt64Array<ArrayBuffer>) {
    if (values.length % WIDTH !== 0) throw new RangeError('a table of file status is cut short');
    this.values = values;
    this.#words = new Int32Array(values.buffer, values.byteOffset, 2 * values.length);
  }

  /** Makes a table without set rows. */
  static of(entries: number): StatusRows {
    return new StatusRows(new BigInt64Array(entries * WIDTH));
  }

  /** Returns a copy of the first `entries` rows. Rows that this table does not have are not set in it. */
  copyFirst(entries: number): StatusRows {
    const rows = StatusRows.of(entries);
    rows.values.set(this.values.subarray(0, entries * WIDTH));
    return rows;
  }

  get length(): number {
    return this.values.length / WIDTH;
  }

  set(entry: number, stats: RowStatus): void {
    const { values } = this;
    const start = entry * WIDTH;
    // Sets the values one by one, because a list of them would be garbage for each file
    values[start + DEV] = stats.dev;
    values[start + INO] = stats.ino;
    values[start + SIZE] = stats.size;
    values[start + MODE] = stats.mode;
    values[start + UID] = stats.uid;
    values[start + GID] = stats.gid;
    values[start + MTIME] = stats.mtimeNs;
    values[start + CTIME] = stats.ctimeNs;
  }

  /** Sets a row to row `at` of another table. */
  copy(entry: number, from: StatusRows, at: number): void {
    // Copies 32-bit words, because each value of 64 bits would become a BigInt
    for (let word = 0; word < ROW_WORDS; word++)
      this.#words[entry * ROW_WORDS + word] = from.#words[at * ROW_WORDS + word]!;
  }

  clear(entry: number): void {
    this.values.fill(0n, entry * WIDTH, (entry + 1) * WIDTH);
  }

  /** Returns a view of a row. */
  at(entry: number): RowStatus {
    return new StatusRow(this.values, entry * WIDTH);
  }

  /** Returns whether a row was set: no inode is 0. */
  has(entry: number): boolean {
    return this.values[entry * WIDTH + INO] !== 0n;
  }

  /** Returns whether a row was set and equals `stats`. */
  matches(entry: number, stats: RowStatus): boolean {
    const isSameChange = this.values[entry * WIDTH + CTIME] === stats.ctimeNs;
    return isSameChange && this.has(entry) && this.matchesRenamed(entry, stats);
  }

  /** Returns whether a row equals `stats` in everything but the change time, which a rename changes. */
  matchesRenamed(entry: number, stats: RowStatus): boolean {
    const { values } = this;
    const start = entry * WIDTH;
    // Compares column by column, because this runs for every file of a tree
    return (
      values[start + INO] === stats.ino &&
      values[start + DEV] === stats.dev &&
      values[start + SIZE] === stats.size &&
      values[start + MODE] === stats.mode &&
      values[start + UID] === stats.uid &&
      values[start + GID] === stats.gid &&
      values[start + MTIME] === stats.mtimeNs
    );
  }

  /** Returns the latest change time, in ns. */
  latestChange(): bigint {
    let latest = 0n;
    for (let at = CTIME; at < this.values.length; at += WIDTH)
      if (this.values[at]! > latest) latest = this.values[at]!;
    return latest;
  }
}

/** A view of a row. It reads a value only when it is used, because each read makes a BigInt. */
class StatusRow implements RowStatus {
  readonly #values: BigInt64Array;
  readonly #start: number;

  constructor(values: BigInt64Array, start: number) {
    this.#values = values;
    this.#start = start;
  }

  get dev(): bigint {
    return this.#values[this.#start + DEV]!;
  }

  get ino(): bigint {
    return this.#values[this.#start + INO]!;
  }

  get size(): bigint {
    return this.#values[this.#start + SIZE]!;
  }

  get mode(): bigint {
    return this.#values[this.#start + MODE]!;
  }

  get uid(): bigint {
    return this.#values[this.#start + UID]!;
  }

  get gid(): bigint {
    return this.#values[this.#start + GID]!;
  }

  get mtimeNs(): bigint {
    return this.#values[this.#start + MTIME]!;
  }

  get ctimeNs(): bigint {
    return this.#values[this.#start + CTIME]!;
  }
}
