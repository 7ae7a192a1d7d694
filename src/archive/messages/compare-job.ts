import type { Entry, EntryType } from '../format/entry.ts';
import type { Attributes } from '../fs/attributes.ts';
import { ATTRIBUTES, columns, readAttributes, writeAttributes } from './rows.ts';

/** Compare these entries with the disk. */
export interface CompareJob {
  readonly kind: 'compare';
  /** Absolute paths, and the targets of symlinks. */
  readonly paths: string;
  readonly targets: string;
  /** A row of `EntryColumn.width` numbers for each entry. */
  readonly entries: Float64Array<ArrayBuffer>;
}

/** The disk has the entry (`unchanged`), a directory with other attributes, or something else or nothing (`other`). */
export const OnDisk = { other: 0, unchanged: 1, directory: 2 } as const;
export type OnDisk = (typeof OnDisk)[keyof typeof OnDisk];

export interface CompareResult {
  /** An `OnDisk` for each entry. */
  readonly onDisk: Uint8Array<ArrayBuffer>;
  /** Files with several names (`encodeLinkedFiles`). */
  readonly inodes: BigInt64Array<ArrayBuffer>;
}

const EntryColumn = columns('type', 'size', ...ATTRIBUTES);

/** Writes the job for entries and their paths, two lists of one length. */
export function encodeCompareJob(entries: readonly Entry[], paths: readonly string[]): CompareJob {
  const numbers = new Float64Array(entries.length * EntryColumn.width);
  entries.forEach((entry, index) => {
    const row = index * EntryColumn.width;
    numbers[row + EntryColumn.type] = entry.type;
    numbers[row + EntryColumn.size] = entry.size;
    writeAttributes(numbers, row + EntryColumn.mode, entry);
  });
  return {
    kind: 'compare',
    paths: paths.join('\0'),
    targets: entries.map(entry => entry.target).join('\0'),
    entries: numbers,
  };
}

/** An entry as far as it is compared with the disk. */
export interface ComparedEntry extends Attributes, Pick<Entry, 'type' | 'size' | 'target'> {
  readonly path: string;
}

/** Reads the entries of a job. */
export function* readComparedEntries({ paths, targets, entries }: CompareJob): Generator<ComparedEntry> {
  const texts = [paths.split('\0'), targets.split('\0')] as const;
  for (let row = 0, index = 0; row < entries.length; row += EntryColumn.width, index++) {
    yield {
      path: texts[0][index]!,
      target: texts[1][index]!,
      type: entries[row + EntryColumn.type]! as EntryType,
      size: entries[row + EntryColumn.size]!,
      ...readAttributes(entries, row + EntryColumn.mode),
    };
  }
}

/** A file with several names: its index in the job, and which file it is. */
export interface LinkedFile {
  readonly index: number;
  readonly dev: bigint;
  readonly ino: bigint;
}

export function encodeLinkedFiles(files: readonly LinkedFile[]): BigInt64Array<ArrayBuffer> {
  return BigInt64Array.from(files.flatMap(({ index, dev, ino }) => [BigInt(index), dev, ino]));
}

export function* decodeLinkedFiles(inodes: BigInt64Array): Generator<LinkedFile> {
  for (let at = 0; at < inodes.length; at += 3) {
    yield { index: Number(inodes[at]), dev: inodes[at + 1]!, ino: inodes[at + 2]! };
  }
}
