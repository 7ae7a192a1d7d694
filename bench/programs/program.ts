import { readClosingLine } from '../../test/support/closing-line.ts';
import type { Phase } from '../options.ts';
import type { Command } from '../process/command.ts';

/** One save or restore by any of the compared programs. */
export interface CacheRun {
  readonly phase: Phase;
  readonly key: string;
  readonly restoreKeys: readonly string[];
  /** The path to cache, relative to the workspace. */
  readonly path: string;
  readonly workspace: string;
  /** An empty directory for temporary files. */
  readonly temp: string;
}

/** The result that a program printed. A field is undefined if it prints none. */
export interface RunReport {
  /** `saved`, `hit`, `partial`, `miss`, ... */
  readonly result: string | undefined;
  /** Bytes of the stored object. */
  readonly bytes: number | undefined;
  /** Bytes that an incremental save copied. */
  readonly reused: number | undefined;
  readonly requests: number | undefined;
}

/** A program that saves and restores caches, or one that does nothing, to compare with. */
export interface Program {
  readonly name: string;
  /** The program's own bucket, which can be emptied. Undefined if it uses none. */
  readonly bucket: string | undefined;
  command(run: CacheRun): Command;
}

/** Reads the closing line of our action or of the reference. */
export function readReport(output: string): RunReport {
  const fields = readClosingLine(output) ?? {};
  const number = (name: string) => (fields[name] === undefined ? undefined : Number(fields[name]));
  return {
    result: fields.result,
    bytes: number('bytes'),
    reused: number('reused'),
    requests: number('requests'),
  };
}
