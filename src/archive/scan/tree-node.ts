import { readdirSync, readlinkSync, statSync } from 'node:fs';
import { type FileStatus, lstatExact, lstatFile, statFile } from '../fs/file-status.ts';
import { compareNames, decodeName, fsPath } from '../fs/names.ts';
import { toMicroseconds } from '../fs/platform.ts';
import { readError, wrapReadError } from '../fs/tree-errors.ts';

/** A path and its status. */
export interface TreeNode {
  readonly path: string;
  /** The stored name, with the trailing slash of a directory, by which it is sorted. */
  readonly name: string;
  readonly stats: FileStatus;
  readonly isDirectory: boolean;
}

export interface Inode {
  readonly dev: bigint;
  readonly ino: bigint;
}

/**
 * Reads the status of `path`; `follow` follows a link to a directory. The slash of the stored name may be missing.
 * Returns undefined if the path has vanished. Throws `SourceTreeError`.
 */
export function readNode(
  path: string,
  stored: string,
  follow: boolean,
  exact: boolean,
): TreeNode | undefined {
  const stats = nodeStatus(path, follow, exact);
  if (!stats) return undefined;
  const isDirectory = stats.isDirectory();
  const name = isDirectory && !stored.endsWith('/') ? `${stored}/` : stored;
  return { path, name, stats, isDirectory };
}

function nodeStatus(path: string, follow: boolean, exact: boolean): FileStatus | undefined {
  try {
    const stats = lstatFile(path, exact);
    if (!follow || !stats?.isSymbolicLink()) return stats;
    const behind = statFile(path, exact);
    return behind?.isDirectory() ? behind : stats;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') return undefined;
    throw readError(path, error);
  }
}

/** Compares nodes in the order of an archive's entries. */
export function byName(a: TreeNode, b: TreeNode): number {
  return compareNames(a.name, b.name);
}

/** Returns the mtime in whole microseconds, and reads it again if the node's status is rounded. */
export function readMtime({ path, stats, isDirectory }: TreeNode): number {
  // lstat would return the status of a followed link
  const read = () =>
    isDirectory ? statSync(fsPath(path), { bigint: true, throwIfNoEntry: false }) : lstatExact(path);
  const exact = stats.exact ?? wrapReadError(path, read);
  return exact ? toMicroseconds(exact.mtimeNs) : Math.max(0, Math.floor(stats.mtimeMs * 1000));
}

/** Returns undefined if the path has vanished. */
export function readInode({ path, stats }: TreeNode): Inode | undefined {
  const exact = stats.exact ?? wrapReadError(path, () => lstatExact(path));
  return exact && { dev: exact.dev, ino: exact.ino };
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
    return decodeName(readlinkSync(fsPath(path), 'buffer'));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EINVAL') return undefined;
    throw readError(path, error);
  }
}
