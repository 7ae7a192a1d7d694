import { constants, readSync } from 'node:fs';
import { ignoreErrors } from './ignore-errors.ts';
import { thisPlatform } from './platform.ts';
import { withFile } from './with-file.ts';

/**
 * Returns whether an open file ends before its size, which is 1 or more, as in special file systems and on network disks that
 * fail. Throws the system's error.
 */
export function isShort(fd: number, size: number): boolean {
  return readSync(fd, new Uint8Array(1), 0, 1, size - 1) === 0;
}

/** Returns whether the file at a path `isShort`. Returns false for a file that cannot be read. */
export function isShortFile(path: string, size: number): boolean {
  const flags = constants.O_RDONLY | thisPlatform.openFlags;
  return ignoreErrors(() => withFile(path, flags, fd => isShort(fd, size))) ?? false;
}
