import { lstatSync, readlinkSync } from 'node:fs';
import path from 'node:path';
import { STICKY } from '../fs/attributes.ts';
import { MAX_LINKS } from '../fs/links/symlinks.ts';

const OTHERS_WRITE = 0o022;

/**
 * Returns whether no user but root can make an absolute path lead to another directory. Root must own it, the directories above
 * it, and the links on the way. A directory above it that others may write to must be sticky. Throws the system's errors.
 */
export function isRootOwned(directory: string): boolean {
  let reached = '/';
  let links = 0;
  const rest = namesOf(directory);
  for (let name = rest.shift(); name !== undefined; name = rest.shift()) {
    const next = path.join(reached, name);
    if (name !== '..' && !isSafeParent(reached)) return false;
    const stats = lstatSync(next);
    if (stats.uid !== 0) return false;
    if (!stats.isSymbolicLink()) {
      reached = next;
      continue;
    }
    if (++links > MAX_LINKS) return false;
    const target = readlinkSync(next);
    if (path.isAbsolute(target)) reached = '/';
    rest.unshift(...namesOf(target));
  }
  return true;
}

const namesOf = (path: string) => path.split('/').filter(name => name !== '' && name !== '.');

/** Returns whether only root can replace the files of root in a directory. */
function isSafeParent(directory: string): boolean {
  const { uid, mode } = lstatSync(directory);
  return uid === 0 && ((mode & OTHERS_WRITE) === 0 || (mode & STICKY) !== 0);
}
