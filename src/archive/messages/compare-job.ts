import type { Entry, EntryType } from '../format/entry.ts';
import type { Attributes } from '../fs/attributes.ts';
import { type AttributeNumbers, readTable, type Table, TableWriter } from './table.ts';

/** A job that compares entries with the disk. */
export interface CompareJob {
  readonly kind: 'compare';
  readonly entries: Table;
}

type EntryNumbers = [type: number, size: number, ...AttributeNumbers];
type EntryTexts = [path: string, target: string];

/** State of an entry's path: `unchanged` if it has the entry, `directory` for one with other attributes, `other` for all else. */
export const OnDisk = { other: 0, unchanged: 1, directory: 2 } as const;
export type OnDisk = (typeof OnDisk)[keyof typeof OnDisk];

export interface CompareResult {
  /** An `OnDisk` for each entry. */
  readonly onDisk: Uint8Array<ArrayBuffer>;
  /** `device:inode` of each entry that is a file with several names on the disk, otherwise ''. */
  readonly inodes: string;
}

/** Writes the job for entries and their absolute paths, two lists of one length. */
export function encodeCompareJob(entries: readonly Entry[], paths: readonly string[]): CompareJob {
  const table = new TableWriter<EntryNumbers, EntryTexts>(entries.length);
  entries.forEach(({ type, size, mode, mtimeUs, mtimeRestNs, uid, gid, target }, index) => {
    table.add([type, size, mode, mtimeUs, mtimeRestNs, uid, gid], [paths[index]!, target]);
  });
  return { kind: 'compare', entries: table.finish() };
}

/** The properties of an entry that are compared with the disk. */
export interface ComparedEntry extends Attributes, Pick<Entry, 'type' | 'size' | 'target'> {
  readonly path: string;
}

/** Reads the entries of a job. */
export function* readComparedEntries({ entries }: CompareJob): Generator<ComparedEntry> {
  for (const [numbers, [path, target]] of readTable<EntryNumbers, EntryTexts>(entries)) {
    const [type, size, mode, mtimeUs, mtimeRestNs, uid, gid] = numbers;
    yield { path, target, type: type as EntryType, size, mode, mtimeUs, mtimeRestNs, uid, gid };
  }
}
