import { chmodSync, renameSync } from 'node:fs';
import { OWNER_WRITES } from './attributes.ts';
import { lstat } from './file-status.ts';
import { fsPath } from './paths/names.ts';
import { thisPlatform } from './platform.ts';
import { makeWritable } from './writable.ts';

/** Waits until a file that a process has open is tried again: three seconds in all. */
export const IN_USE_WAITS_MS: readonly number[] = [10, 20, 40, 80, 150, 300, 600, 900, 900];

/** Returns whether the system has refused to rename, replace or remove a file that a process has open or runs. */
export function isInUse(error: unknown): boolean {
  return thisPlatform.inUseCodes.has((error as NodeJS.ErrnoException).code ?? '');
}

/** Outcome of a call to `whenInUse`: the item is in place by other means, or the rename is tried again later, or not at all. */
type InUseOutcome = 'done' | 'wait' | 'stop';

/**
 * Renames within a commit, as `renameWithRetries`. Makes `directory`, the parent of `to` or `from`, writable. Throws the
 * system's error.
 */
export function rename(directory: string, from: string, to: string, whenInUse?: () => InUseOutcome): void {
  makeWritable(directory, () => renameWithRetries(from, to, whenInUse));
}

/**
 * Renames. On Windows calls `whenInUse` after each refusal of a file that another process has open, by default to wait, for
 * three seconds in all. Throws the system's last error.
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
      // Synchronous, as the whole commit: no other code of this process may run during it
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
    }
  }
}

/**
 * Returns whether a rename never replaces the item at this path: Windows refuses to replace a directory, or a link to one,
 * with the same code as a file that is open.
 */
function refusesRename(path: string): boolean {
  const stats = lstat(path);
  return stats !== undefined && (stats.isDirectory() || stats.isSymbolicLink());
}

/**
 * Renames over a file with the read-only attribute of Windows, which refuses that: clears the attribute, as git does
 * (`mingw_rename`), and sets it again if the rename is refused all the same. Leaves a file with other names, which would lose
 * the attribute too. Returns whether the rename was done. Never throws.
 */
export function renameOverReadOnly(from: string, to: string): boolean {
  const stats = lstat(to);
  if (!stats?.isFile() || (stats.mode & OWNER_WRITES) !== 0 || stats.nlink > 1) return false;
  try {
    chmodSync(fsPath(to), stats.mode | OWNER_WRITES);
    if (tryRename(from, to)) return true;
    chmodSync(fsPath(to), stats.mode);
  } catch {
    // As if it were not read-only
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
 * Returns whether a process has a file open so that it can neither be replaced nor moved. Windows refuses the rename of such
 * a file to its own name, which does nothing otherwise (MS-FSA, FileRenameInformation), with a code that read-only files and
 * missing rights do not have.
 */
export function isHeld(path: string): boolean {
  try {
    renameSync(fsPath(path), fsPath(path));
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EBUSY';
  }
}
