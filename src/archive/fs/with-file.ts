import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { fsPath } from './paths/names.ts';

/**
 * Opens a file, returns what `use` returns, and closes the file. `mode` is that of a new file. Throws the errors of the system
 * and of `use`.
 */
export function withFile<T>(path: string, flags: number | string, use: (fd: number) => T, mode?: number): T {
  const fd = openSync(fsPath(path), flags, mode);
  try {
    return use(fd);
  } finally {
    closeSync(fd);
  }
}

/** Reads into all of `target` from `position` on. Returns the number of bytes read, fewer only if the file ends. */
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
