import { lstatSync, renameSync } from 'node:fs';
import { fsPath } from './paths/names.ts';
import { thisPlatform } from './platform.ts';
import { makeWritable } from './writable.ts';

/** Waits between the attempts of a rename that another process blocks for a moment: three seconds in all. */
const WAITS_MS = [10, 20, 40, 80, 150, 300, 600, 900, 900];

/**
 * Renames within a commit: makes `directory`, the parent of `to` or `from`, writable, and on Windows waits for another
 * process that has the file open, such as a virus scanner. Throws the system's error.
 */
export function rename(directory: string, from: string, to: string): void {
  makeWritable(directory, () => renameWithRetries(from, to));
}

/** Renames, and retries for three seconds after transient errors. Throws the system's last error. */
function renameWithRetries(from: string, to: string): void {
  for (const ms of WAITS_MS) {
    try {
      renameSync(fsPath(from), fsPath(to));
      return;
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? '';
      if (!thisPlatform.transientCodes.has(code) || refusesRename(to)) throw error;
      // Synchronous, as the whole commit: no other code of this process may run during it
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
    }
  }
  renameSync(fsPath(from), fsPath(to));
}

/**
 * Returns whether a rename never replaces the item at this path: Windows refuses to replace a directory, or a link to one,
 * with the same code as a file that is open.
 */
function refusesRename(path: string): boolean {
  const stats = lstatSync(fsPath(path), { throwIfNoEntry: false });
  return stats !== undefined && (stats.isDirectory() || stats.isSymbolicLink());
}
