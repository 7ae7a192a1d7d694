import { closeSync, constants, openSync } from 'node:fs';
import { fsPath, isLongerThan } from '../../fs/paths/names.ts';
import { thisPlatform } from '../../fs/platform.ts';

/** Longest path that Linux accepts, without the NUL that ends it (PATH_MAX, linux/limits.h). */
const MAX_PATH_BYTES = 4095;
/** Longest path of a directory in which every name fits: `/` and a component take up to 256 bytes. */
const MAX_DIRECTORY_BYTES = MAX_PATH_BYTES - 256;
/** Flag for a handle that needs no right to read the directory. It is equal on all architectures of Node.js (fcntl.h). */
const O_PATH = 0o10000000;

/** An open directory with a path of at most 24 bytes, which stays valid when the directory is renamed. */
export interface DirectoryHandle extends Disposable {
  readonly path: string;
}

/** Opens a directory, with further flags of open(2). Requires a system where open files have paths. Throws its error. */
export function openDirectory(path: string, flags = 0): DirectoryHandle {
  const fd = openSync(fsPath(path), O_PATH | constants.O_DIRECTORY | flags);
  return { path: `${thisPlatform.openFiles}/${fd}`, [Symbol.dispose]: () => closeSync(fd) };
}

/** Returns whether files in this directory may have longer paths than Linux accepts. */
export function isLongDirectory(path: string): boolean {
  return thisPlatform.openFiles !== undefined && isLongerThan(path, MAX_DIRECTORY_BYTES);
}

/** Runs `work` with a path of the directory that leaves room for the names in it. Throws the system's error. */
export function withShortPath<T>(directory: string, work: (path: string) => T): T {
  using handle = isLongDirectory(directory) ? openDirectory(directory) : undefined;
  return work(handle?.path ?? directory);
}

/** Minimum number of characters of a path that a handle replaces: enough to make a staged path shorter than the final one. */
const ANCHOR_LENGTH = 128;

/**
 * Short paths for directories in staging. A staged path is some 40 bytes longer than the final one, and may exceed the system's
 * limit. Its first part is replaced by the path of a handle.
 */
export class ShortPaths {
  readonly #handles = new Map<string, DirectoryHandle>();

  /**
   * Returns a path of the directory that leaves room for names in it. The directories above it must exist. Throws the
   * system's error.
   */
  shorten(directory: string): string {
    if (!isLongDirectory(directory)) return directory;
    const end = directory.indexOf('/', ANCHOR_LENGTH);
    const anchor = directory.slice(0, end);
    const handle = this.#handles.get(anchor) ?? openDirectory(anchor);
    this.#handles.set(anchor, handle);
    return handle.path + directory.slice(end);
  }

  /** Returns the full path for one that begins with a handle's, and every other path unchanged. */
  expand(path: string): string {
    for (const [anchor, handle] of this.#handles) {
      if (path.startsWith(`${handle.path}/`)) return anchor + path.slice(handle.path.length);
    }
    return path;
  }

  /** Closes all handles. The short paths must not be used after it. */
  close(): void {
    for (const handle of this.#handles.values()) handle[Symbol.dispose]();
    this.#handles.clear();
  }
}
