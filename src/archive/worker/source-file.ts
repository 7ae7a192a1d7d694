import { type BigIntStats, constants, fstatSync, openSync, readSync } from 'node:fs';
import { SourceTreeError } from '../archive-errors.ts';
import { fsPath } from '../fs/names.ts';
import { thisPlatform } from '../fs/platform.ts';
import { readError, wrapReadError } from '../fs/tree-errors.ts';
import type { RawBytes } from './raw-bytes.ts';

/** Reading one file of a tree that others may be writing to. All throw `SourceTreeError` for what cannot be read. */

/** undefined: there is no such file any more, or a link or directory has taken its place. */
export function openFile(path: string): number | undefined {
  try {
    return openSync(fsPath(path), constants.O_RDONLY | thisPlatform.openFlags);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP' || code === 'ENXIO') return undefined;
    throw readError(path, error);
  }
}

export function statusOf(fd: number, path: string): BigIntStats {
  return wrapReadError(path, () => fstatSync(fd, { bigint: true }));
}

/** Appends `size` bytes of the file from `position`, zeros for what is not there. false: it ended before. */
export function readInto(raw: RawBytes, fd: number, position: number, size: number, path: string): boolean {
  const target = raw.reserve(size);
  let done = 0;
  wrapReadError(path, () => {
    while (done < size) {
      const count = readSync(fd, target, raw.at + done, size - done, position + done);
      if (count === 0) break;
      done += count;
    }
  });
  if (done < size) target.fill(0, raw.at + done, raw.at + size);
  raw.at += size;
  return done === size;
}

export function changedUnderway(path: string): SourceTreeError {
  return new SourceTreeError(`${path} changed while it was read`);
}
