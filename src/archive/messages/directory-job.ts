import type { Attributes } from '../fs/attributes.ts';
import type { RefusedCounts } from '../fs/refused-attributes.ts';
import { ATTRIBUTES, columns, readAttributes, writeAttributes } from './rows.ts';

/** A job that makes directories, or sets their attributes when they have their content. */
export interface DirectoryJob {
  readonly kind: 'directories';
  readonly step: 'make' | 'finish';
  readonly paths: string;
  /** A row of `Column.width` numbers for each directory. */
  readonly rows: Float64Array<ArrayBuffer>;
  /** Whether the file system changes the modes of new directories, so that they are set again. */
  readonly masksModes: boolean;
}

export interface DirectoryResult {
  readonly refused: RefusedCounts;
}

/** The mode with which a directory is made, and its final attributes. */
const Column = columns('madeMode', ...ATTRIBUTES);

/** A directory in a job. Its attributes are used in the step `finish` only. */
export interface JobDirectory {
  readonly path: string;
  readonly madeMode: number;
  readonly attributes: Attributes;
}

/** Writes a job for one or more directories. */
export function encodeDirectoryJob(
  step: DirectoryJob['step'],
  directories: readonly JobDirectory[],
  masksModes: boolean,
): DirectoryJob {
  const rows = new Float64Array(directories.length * Column.width);
  directories.forEach(({ madeMode, attributes }, index) => {
    const row = index * Column.width;
    rows[row + Column.madeMode] = madeMode;
    writeAttributes(rows, row + Column.mode, attributes);
  });
  const paths = directories.map(({ path }) => path).join('\0');
  return { kind: 'directories', step, paths, rows, masksModes };
}

/** Reads the directories of a job. */
export function* readDirectories({ paths, rows }: DirectoryJob): Generator<JobDirectory> {
  let row = 0;
  for (const path of paths.split('\0')) {
    yield {
      path,
      madeMode: rows[row + Column.madeMode]!,
      attributes: readAttributes(rows, row + Column.mode),
    };
    row += Column.width;
  }
}
