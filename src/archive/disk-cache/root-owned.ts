import { lstatSync } from 'node:fs';
import { STICKY } from '../fs/attributes.ts';
import { pathSteps } from '../fs/links/symlinks.ts';

const OTHERS_WRITE = 0o022;

/**
 * Returns whether no user but root can make an absolute path lead to another directory. Root must own it, the directories above
 * it, and the links on the way. A directory above it that others may write to must be sticky. Throws the system's errors.
 */
export function isRootOwned(directory: string): boolean {
  for (const step of pathSteps(directory)) {
    if (step.stats.uid !== 0) return false;
    // No user can make `..` lead to another directory
    if (step.name !== '..' && !isSafeParent(step.directory)) return false;
  }
  return true;
}

/** Returns whether only root can replace the files of root in a directory. */
function isSafeParent(directory: string): boolean {
  const { uid, mode } = lstatSync(directory);
  return uid === 0 && ((mode & OTHERS_WRITE) === 0 || (mode & STICKY) !== 0);
}
