import { constants, readSync } from 'node:fs';
import { ignoreErrors } from './ignore-errors.ts';
import { thisPlatform } from './platform.ts';
import { withFile } from './with-file.ts';

/**
 * Returns whether an open file ends before its size, at least 1, as one of a special file system or of a network disk that
 * fails. Throws the system's error.
 */
export function isShort(fd: number, size: number): boolean {
  return readSync(fd, new Uint8Array(1), 0, 1, size - 1) === 0;
}

/** As `isShort`. Returns false for a file that cannot be read. */
export function isShortFile(path: string, size: number): boolean {
  const flags = constants.O_RDONLY | thisPlatform.openFlags;
  return ignoreErrors(() => withFile(path, flags, fd => isShort(fd, size))) ?? false;
}
