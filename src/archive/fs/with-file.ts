import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs';
import { ignoreErrors } from './ignore-errors.ts';
import { fsPath } from './paths/names.ts';
import { thisPlatform } from './platform.ts';

/** Flags for a file that must not exist. */
export const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;

/** Opens a file to read it. Declared with `using`, it is closed at the end of the block. Throws the system's error. */
export function openToRead(path: string, flags = 0): Disposable & { readonly fd: number } {
  const fd = openSync(fsPath(path), constants.O_RDONLY | flags);
  return { fd, [Symbol.dispose]: () => closeRead(fd) };
}

/**
 * Opens a file, returns what `use` returns, and closes the file. A new file gets `mode`. Throws the errors of the system and of
 * `use`.
 */
export function withFile<T>(path: string, flags: number, use: (fd: number) => T, mode?: number): T {
  const fd = openSync(fsPath(path), flags, mode);
  try {
    return use(fd);
  } finally {
    if ((flags & (constants.O_WRONLY | constants.O_RDWR)) === 0) closeRead(fd);
    else closeSync(fd);
  }
}

/** Closes a file that was only read. Ignores an error, as of a network mount: the data that was read is valid. */
export function closeRead(fd: number): void {
  ignoreErrors(() => closeSync(fd));
}

/** Fills `target` with the bytes from `position` on. Returns their number, which is below its length only if the file ends. */
export function readAt(fd: number, target: Uint8Array, position: number): number {
  let done = 0;
  while (done < target.length) {
    const count = readSync(fd, target, done, target.length - done, position + done);
    if (count === 0) break;
    done += count;
  }
  return done;
}

/** Writes all of `data` at `position`. */
export function writeAt(fd: number, data: Uint8Array, position: number): void {
  for (let done = 0; done < data.length; )
    done += writeSync(fd, data, done, data.length - done, position + done);
}

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
