import { closeSync, openSync } from 'node:fs';
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
