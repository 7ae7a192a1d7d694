import { chmodSync, renameSync } from 'node:fs';
import { OWNER_WRITES } from './attributes.ts';
import { lstat } from './file-status.ts';
import { fsPath } from './paths/names.ts';
import { thisPlatform } from './platform.ts';
import { makeWritable } from './writable.ts';

/** Waits in ms before the next attempts on a file that a process has open: three seconds in all. */
export const IN_USE_WAITS_MS: readonly number[] = [10, 20, 40, 80, 150, 300, 600, 900, 900];

/** Returns whether the system has refused to rename, replace or remove a file that a process has open or runs. */
export function isInUse(error: unknown): boolean {
  return thisPlatform.inUseCodes.has((error as NodeJS.ErrnoException).code ?? '');
}

/** Outcome of a call to `whenInUse`: the item is in place by other means, or the rename is tried again later, or not at all. */
type InUseOutcome = 'done' | 'wait' | 'stop';

/**
 * Renames as `renameWithRetries`, within a commit. Makes `directory`, the parent of `to` or `from`, writable. Throws the
 * system's error.
 */
export function rename(directory: string, from: string, to: string, whenInUse?: () => InUseOutcome): void {
  makeWritable(directory, () => renameWithRetries(from, to, whenInUse));
}

/**
 * Renames. On Windows, calls `whenInUse` each time that the system refuses because a process has the file open. By default the
 * rename is tried again, for three seconds in all. Throws the system's last error.
 */
export function renameWithRetries(
  from: string,
  to: string,
  whenInUse: () => InUseOutcome = () => 'wait',
): void {
  for (let attempt = 0; ; attempt++) {
    try {
      renameSync(fsPath(from), fsPath(to));
      return;
    } catch (error) {
      if (!isInUse(error) || refusesRename(to)) throw error;
      const outcome = whenInUse();
      if (outcome === 'done') return;
      const ms = IN_USE_WAITS_MS[attempt];
      if (outcome === 'stop' || ms === undefined) throw error;
      // The wait is synchronous, as the whole commit: no other code of this process may run during it
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
    }
  }
}

/**
 * Returns whether a rename never replaces the item at this path. Windows refuses to replace a directory, or a link to one, with
 * the same code as a file that is open.
 */
function refusesRename(path: string): boolean {
  const stats = lstat(path);
  return stats !== undefined && (stats.isDirectory() || stats.isSymbolicLink());
}

/**
 * Renames over a file with the read-only attribute, which Windows refuses. Clears the attribute first, as git does
 * (`mingw_rename`), and sets it again if the rename fails. Does nothing to a file with several names, which would all lose the
 * attribute. Returns whether the rename was done. Never throws.
 */
export function renameOverReadOnly(from: string, to: string): boolean {
  const stats = lstat(to);
  if (!stats?.isFile() || (stats.mode & OWNER_WRITES) !== 0 || stats.nlink > 1) return false;
  try {
    chmodSync(fsPath(to), stats.mode | OWNER_WRITES);
    if (tryRename(from, to)) return true;
    chmodSync(fsPath(to), stats.mode);
  } catch {
    // The caller treats it like every other file that cannot be replaced
  }
  return false;
}

/** Renames once. Returns whether it was done. Never throws. */
export function tryRename(from: string, to: string): boolean {
  try {
    renameSync(fsPath(from), fsPath(to));
    return true;
  } catch {
    return false;
  }
}

/**
 * Returns whether a process has a file open in a way that it can be neither replaced nor moved. Windows refuses to rename the
 * file to its own name then, which does nothing otherwise (MS-FSA, FileRenameInformation). The code differs from the one of
 * read-only files and missing rights.
 */
export function isHeld(path: string): boolean {
  try {
    renameSync(fsPath(path), fsPath(path));
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EBUSY';
  }
}
