import { readdirSync, readlinkSync, statSync } from 'node:fs';
import { type FileStatus, lstatExact, lstatFile, statFile } from '../fs/file-status.ts';
import { compareNames, decodeName, fsPath } from '../fs/names.ts';
import { toMicroseconds } from '../fs/platform.ts';
import { readError, wrapReadError } from '../fs/tree-errors.ts';

/** What one look at the disk finds. */
export interface TreeNode {
  readonly path: string;
  /** The stored name; a directory's ends in a slash, and sorts with it. */
  readonly name: string;
  readonly stats: FileStatus;
  readonly isDirectory: boolean;
}

export interface Inode {
  readonly dev: bigint;
  readonly ino: bigint;
}

/**
 * Looks at `path`; `follow`: at the directory behind a link. `stored`: its stored name, where the slash may be missing.
 * undefined: it has vanished since its name was read. Throws `SourceTreeError`.
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

/** The order of an archive's entries. */
export function byName(a: TreeNode, b: TreeNode): number {
  return compareNames(a.name, b.name);
}

/** In whole microseconds, of a node whose own look may have rounded it. */
export function readMtime({ path, stats, isDirectory }: TreeNode): number {
  // A directory behind a followed link is not what lstat sees
  const look = () =>
    isDirectory ? statSync(fsPath(path), { bigint: true, throwIfNoEntry: false }) : lstatExact(path);
  const exact = stats.exact ?? wrapReadError(path, look);
  return exact ? toMicroseconds(exact.mtimeNs) : Math.max(0, Math.floor(stats.mtimeMs * 1000));
}

/** undefined: it has vanished. */
export function readInode({ path, stats }: TreeNode): Inode | undefined {
  const exact = stats.exact ?? wrapReadError(path, () => lstatExact(path));
  return exact && { dev: exact.dev, ino: exact.ino };
}

/** The names in a directory, in no order; none when it has vanished. Throws `SourceTreeError`. */
export function listNames(directory: string): string[] {
  try {
    const names = readdirSync(fsPath(directory), 'utf8');
    // A name that is not UTF-8 comes with U+FFFD in place of its bytes: read those directories again, as bytes
    if (!names.some(name => name.includes('\ufffd'))) return names;
    return readdirSync(fsPath(directory), 'buffer').map(decodeName);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw readError(directory, error);
  }
}

/** undefined: it has vanished, or is no symlink any more. */
export function readLinkTarget(path: string): string | undefined {
  try {
    return decodeName(readlinkSync(fsPath(path), 'buffer'));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EINVAL') return undefined;
    throw readError(path, error);
  }
}
