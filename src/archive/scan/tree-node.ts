import { type BigIntStats, readdirSync, statSync } from 'node:fs';
import { isNameTooLong } from '../format/name-limits.ts';
import { type FileStatus, isTooLong, lstatExact, lstatFile, mtimeOf, statFile } from '../fs/file-status.ts';
import { type Mtime, roundedMtime } from '../fs/file-times.ts';
import { readTarget } from '../fs/links/symlinks.ts';
import { compareNames, decodeName, fsPath } from '../fs/paths/names.ts';
import { readError } from '../fs/tree-errors.ts';
import type { ScannedEntry } from '../messages/pack-job.ts';

/** A path and its status. */
export interface TreeNode {
  readonly path: string;
  /** The stored name, with the trailing slash of a directory, by which it is sorted. */
  readonly name: string;
  readonly stats: FileStatus;
  readonly isDirectory: boolean;
}

/** A path of PATH_MAX bytes or more exists where it was made from a working directory below the root. */
const TOO_LONG = 'longer than the system allows a path to be';
/** A path of Windows may have more bytes in UTF-8 than a name of the format. */
export const TOO_LONG_FOR_FORMAT = 'longer than an archive can hold';

export interface ReadOptions {
  /** Follow a link to a directory. */
  readonly follow: boolean;
  /** Read times in ns. */
  readonly exact: boolean;
  /** Called with the reason if the path cannot be saved. */
  readonly skip: (path: string, why: string) => void;
}

/**
 * Reads the status of `path`. The slash of the stored name may be missing.
 * Returns undefined if the path has vanished or is skipped. Throws `SourceTreeError`.
 */
export function readNode(path: string, stored: string, options: ReadOptions): TreeNode | undefined {
  const stats = nodeStatus(path, options);
  return stats && nodeOf(path, stored, stats, options);
}

/** Returns the node of a path whose status is known. Returns undefined if the path is skipped. */
export function nodeOf(
  path: string,
  stored: string,
  stats: FileStatus,
  { skip }: Pick<ReadOptions, 'skip'>,
): TreeNode | undefined {
  const isDirectory = stats.isDirectory();
  const name = isDirectory && !stored.endsWith('/') ? `${stored}/` : stored;
  if (!isNameTooLong(name)) return { path, name, stats, isDirectory };
  skip(path, TOO_LONG_FOR_FORMAT);
  return undefined;
}

function nodeStatus(path: string, { follow, exact, skip }: ReadOptions): FileStatus | undefined {
  try {
    const stats = lstatFile(path, exact);
    return follow && stats?.isSymbolicLink() ? (directoryBehind(path, exact) ?? stats) : stats;
  } catch (error) {
    if (isTooLong(error)) skip(path, TOO_LONG);
    else if ((error as NodeJS.ErrnoException).code !== 'ENOTDIR') throw readError(path, error);
    return undefined;
  }
}

/** Returns the status of the directory that a link leads to. Returns undefined if it leads to no directory. */
function directoryBehind(link: string, exact: boolean): FileStatus | undefined {
  try {
    const stats = statFile(link, exact);
    return stats?.isDirectory() ? stats : undefined;
  } catch (error) {
    if (isTooLong(error)) return undefined;
    throw error;
  }
}

/** Compares nodes in the order of an archive's entries. */
export function byName(a: TreeNode, b: TreeNode): number {
  return compareNames(a.name, b.name);
}

/** Returns the exact mtime, and reads it again if the node's status is rounded. */
export function readMtime({ path, stats, isDirectory }: TreeNode): Mtime {
  if (stats.exactMtime) return stats.exactMtime;
  // lstat would return the status of a followed link
  const read = () =>
    isDirectory ? statSync(fsPath(path), { bigint: true, throwIfNoEntry: false }) : lstatExact(path);
  const exact = stats.exact ?? unlessVanished(path, read);
  return exact ? mtimeOf(exact, () => stats) : roundedMtime(stats.mtimeMs);
}

/** Returns undefined if the path has vanished. */
export function readInode({ path, stats }: TreeNode): ScannedEntry['inode'] {
  const exact = stats.exact ?? statusNow(path);
  return exact && { dev: exact.dev, ino: exact.ino };
}

/** Calls lstat. Returns undefined if the path has vanished. Throws `SourceTreeError`. */
export function statusNow(path: string): BigIntStats | undefined {
  return unlessVanished(path, () => lstatExact(path));
}

/** Returns undefined also if a directory above the path has become a file. Throws `SourceTreeError`. */
function unlessVanished<T>(path: string, read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') return undefined;
    throw readError(path, error);
  }
}

/** Returns the path of a name in a directory, as it is known to a scan and in listings. */
export function pathIn(directory: string, name: string): string {
  return `${directory}${directory.endsWith('/') ? '' : '/'}${name}`;
}

/** Returns the names in a directory in no order, or none if it has vanished. Throws `SourceTreeError`. */
export function listNames(directory: string): string[] {
  try {
    const names = readdirSync(fsPath(directory), 'utf8');
    // Node replaces bytes that are not UTF-8 with U+FFFD: read the directory again as bytes
    if (!names.some(name => name.includes('\ufffd'))) return names;
    return readdirSync(fsPath(directory), 'buffer').map(decodeName);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw readError(directory, error);
  }
}

/** Returns undefined if the path has vanished or is no longer a symlink. Throws `SourceTreeError`. */
export function readLinkTarget(path: string): string | undefined {
  try {
    return readTarget(path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EINVAL') return undefined;
    throw readError(path, error);
  }
}
