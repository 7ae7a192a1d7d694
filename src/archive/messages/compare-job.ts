import type { Entry, EntryType } from '../format/entry.ts';
import type { Attributes } from '../fs/attributes.ts';
import { ATTRIBUTES, columns, readAttributes, writeAttributes } from './rows.ts';

/** A job that compares entries with the disk. */
export interface CompareJob {
  readonly kind: 'compare';
  /** Absolute paths. */
  readonly paths: string;
  readonly targets: string;
  /** A row of `EntryColumn.width` numbers for each entry. */
  readonly entries: Float64Array<ArrayBuffer>;
}

/** State of an entry's path: `unchanged` if it has the entry, `directory` for one with other attributes, `other` for all else. */
export const OnDisk = { other: 0, unchanged: 1, directory: 2 } as const;
export type OnDisk = (typeof OnDisk)[keyof typeof OnDisk];

export interface CompareResult {
  /** An `OnDisk` for each entry. */
  readonly onDisk: Uint8Array<ArrayBuffer>;
  /** By entry: `device:inode` of a file with several names on the disk, otherwise ''. */
  readonly inodes: string;
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

/** The properties of an entry that are compared with the disk. */
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
