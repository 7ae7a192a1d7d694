import { statSync } from 'node:fs';
import path from 'node:path';

const OTHERS_WRITE = 0o022;
const STICKY = 0o1000;

/**
 * Returns whether no user but root can put another directory in place of this one: root owns it and all directories above,
 * and those that others may write to are sticky. `directory` is a path without links. Throws the system's errors.
 */
export function isRootOwned(directory: string): boolean {
  const parent = path.dirname(directory);
  if (statSync(directory).uid !== 0) return false;
  if (parent === directory) return true;
  const { mode } = statSync(parent);
  if ((mode & OTHERS_WRITE) !== 0 && (mode & STICKY) === 0) return false;
  return isRootOwned(parent);
}
