import { chmodSync, statSync } from 'node:fs';
import { fsPath } from './paths/names.ts';
import { thisPlatform } from './platform.ts';
import { isDenied } from './tree-errors.ts';

/** Maximum number of calls of one change: another job in the same directory may clear the write bit again. */
const ATTEMPTS = 100;

/**
 * Runs `change` in a directory, and sets the owner's write bit if it fails without it. Retries, because another restore of
 * the same cache may set the directory's archived mode (0555) at any moment. The caller sets the final mode afterwards.
 * Throws the system's error.
 */
export function makeWritable<T>(directory: string, change: () => T): T {
  // Windows has no modes, and there the same codes mean that a file is open
  if (!thisPlatform.hasModes) return change();
  for (let attempt = 1; ; attempt++) {
    try {
      return change();
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (!isDenied(code) || attempt === ATTEMPTS || !grantWrite(directory)) throw error;
    }
  }
}

/**
 * Gives the owner of a directory all rights: for changes in it, and for a move to another parent, which changes its `..`.
 * Returns false if the system refuses.
 */
export function grantWrite(directory: string): boolean {
  try {
    const { mode } = statSync(fsPath(directory));
    chmodSync(fsPath(directory), (mode & 0o7777) | 0o700);
    return true;
  } catch {
    return false;
  }
}
