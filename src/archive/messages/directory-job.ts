import type { Attributes } from '../fs/attributes.ts';
import type { RefusedCounts } from '../fs/refused-attributes.ts';
import { type AttributeNumbers, readTable, type Table, TableWriter } from './table.ts';

/** A job that makes directories, or sets their attributes when they have their content. */
export interface DirectoryJob {
  readonly kind: 'directories';
  readonly step: 'make' | 'finish';
  readonly directories: Table;
  /** Whether the file system changes the modes of new directories, so that they are set again. */
  readonly masksModes: boolean;
}

export interface DirectoryResult {
  readonly refused: RefusedCounts;
}

type DirectoryNumbers = [madeMode: number, ...AttributeNumbers];

/** A directory in a job. Its attributes are used in the step `finish` only. */
export interface JobDirectory {
  readonly path: string;
  /** The mode with which it is made. */
  readonly madeMode: number;
  readonly attributes: Attributes;
}

/** Writes a job for one or more directories. */
export function encodeDirectoryJob(
  step: DirectoryJob['step'],
  directories: readonly JobDirectory[],
  masksModes: boolean,
): DirectoryJob {
  const table = new TableWriter<DirectoryNumbers, [path: string]>(directories.length);
  for (const { path, madeMode, attributes } of directories) {
    const { mode, mtimeUs, mtimeRestNs, uid, gid } = attributes;
    table.add([madeMode, mode, mtimeUs, mtimeRestNs, uid, gid], [path]);
  }
  return { kind: 'directories', step, directories: table.finish(), masksModes };
}

/** Reads the directories of a job. */
export function* readDirectories({ directories }: DirectoryJob): Generator<JobDirectory> {
  for (const [numbers, [path]] of readTable<DirectoryNumbers, [path: string]>(directories)) {
    const [madeMode, mode, mtimeUs, mtimeRestNs, uid, gid] = numbers;
    yield { path, madeMode, attributes: { mode, mtimeUs, mtimeRestNs, uid, gid } };
  }
}
