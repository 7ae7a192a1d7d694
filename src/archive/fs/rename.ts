import { lstatSync, renameSync } from 'node:fs';
import { fsPath } from './paths/names.ts';
import { thisPlatform } from './platform.ts';
import { makeWritable } from './writable.ts';

/** Waits between the attempts of a rename that another process blocks for a moment: three seconds in all. */
const WAITS_MS = [10, 20, 40, 80, 150, 300, 600, 900, 900];

/** The system calls of a rename. */
export interface RenameSystem {
  renameInto(from: string, to: string): void;
  /** Returns whether the path is of a type that a rename never replaces. */
  refusesRename(path: string): boolean;
  /** Blocks this thread. */
  wait(ms: number): void;
  /** Codes of errors that a retry may not meet again. */
  readonly transientCodes: ReadonlySet<string>;
}

const thisSystem: RenameSystem = {
  renameInto: (from, to) => renameSync(fsPath(from), fsPath(to)),
  refusesRename: path => {
    const stats = lstatSync(fsPath(path), { throwIfNoEntry: false });
    return stats !== undefined && (stats.isDirectory() || stats.isSymbolicLink());
  },
  // Synchronous, as the whole commit: no other code of this process may run during it
  wait: ms => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms),
  transientCodes: thisPlatform.transientCodes,
};

/**
 * Renames within a commit: makes `directory`, the parent of `to` or `from`, writable, and on Windows waits for another
 * process that has the file open, such as a virus scanner. Throws the system's error.
 */
export function rename(directory: string, from: string, to: string): void {
  makeWritable(directory, () => renameWithRetries(from, to));
}

/** Renames, and retries for three seconds after transient errors. Throws the system's last error. */
export function renameWithRetries(from: string, to: string, system: RenameSystem = thisSystem): void {
  for (const ms of WAITS_MS) {
    try {
      system.renameInto(from, to);
      return;
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? '';
      // Windows refuses to replace a directory, or a link to one, with the same code as a file that is open
      if (!system.transientCodes.has(code) || system.refusesRename(to)) throw error;
      system.wait(ms);
    }
  }
  system.renameInto(from, to);
}
