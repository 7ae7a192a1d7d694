import { type BigIntStats, readdirSync, statSync } from 'node:fs';
import { EntryType } from '../format/entry.ts';
import { isNameTooLong } from '../format/name-limits.ts';
import { OWNER_WRITES } from '../fs/attributes.ts';
import { type FileStatus, isTooLong, lstatExact, lstatFile, mtimeOf, statFile } from '../fs/file-status.ts';
import { type Mtime, roundedMtime } from '../fs/file-times.ts';
import { readTarget } from '../fs/links/symlinks.ts';
import { decodeName, fsPath } from '../fs/paths/names.ts';
import { thisPlatform } from '../fs/platform.ts';
import { readError } from '../fs/tree-errors.ts';
import type { ScannedEntry } from '../messages/pack-job.ts';

/** Reason to skip a path of PATH_MAX bytes or more. A program can make one from a working directory below the root. */
const TOO_LONG = 'longer than the system allows a path to be';
/** Reason to skip a path or target of more bytes than the format allows: on Windows it may have more in UTF-8. */
export const TOO_LONG_FOR_FORMAT = 'longer than an archive allows';

/** Mtime of a file with data in a scan that is not exact: it is read again with the data. */
const NOT_READ: Mtime = { mtimeUs: 0, mtimeRestNs: 0 };

export interface ReadOptions {
  /** Whether a link to a directory is followed. */
  readonly follow: boolean;
  /** Whether times are read in ns. */
  readonly exact: boolean;
  /** Receives the reason if the path cannot be saved. */
  readonly skip: (path: string, why: string) => void;
}

/**
 * Reads the status of `path`, and makes an entry with the name `stored`, to which it adds the slash of a directory.
 * Returns undefined if the path has vanished or is skipped. Throws `SourceTreeError`.
 */
export function readEntry(path: string, stored: string, options: ReadOptions): ScannedEntry | undefined {
  const stats = readStatus(path, options);
  return stats && entryOf(path, stored, stats, options);
}

/**
 * Returns the entry of a path with this status. A symlink has no target yet. An item that is neither directory nor symlink has the
 * type of a file. Returns undefined if the path is skipped. Throws `SourceTreeError`.
 */
export function entryOf(
  path: string,
  stored: string,
  stats: FileStatus,
  { skip }: Pick<ReadOptions, 'skip'>,
): ScannedEntry | undefined {
  const type = stats.isDirectory()
    ? EntryType.directory
    : stats.isSymbolicLink()
      ? EntryType.symlink
      : EntryType.file;
  const name = type === EntryType.directory && !stored.endsWith('/') ? `${stored}/` : stored;
  if (isNameTooLong(name)) {
    skip(path, TOO_LONG_FOR_FORMAT);
    return undefined;
  }
  const size = type === EntryType.file ? stats.size : 0;
  const { mtimeUs, mtimeRestNs } = size > 0 && !stats.exact ? NOT_READ : readMtime({ path, stats });
  return {
    name,
    path,
    type,
    stats,
    mode: storedMode(stats),
    mtimeUs,
    mtimeRestNs,
    uid: thisPlatform.keepsOwners ? stats.uid : -1,
    gid: thisPlatform.keepsOwners ? stats.gid : -1,
    size,
    linkName: '',
  };
}

/** Returns the permission bits that are stored. */
function storedMode(stats: FileStatus): number {
  if (thisPlatform.hasModes) return stats.mode & 0o7777;
  // These modes are for other systems that restore this cache
  if (stats.isDirectory()) return 0o755;
  return (stats.mode & OWNER_WRITES) === 0 ? 0o444 : 0o644;
}

function readStatus(path: string, { follow, exact, skip }: ReadOptions): FileStatus | undefined {
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

/** Returns the exact mtime, and reads it again if the status is rounded. */
export function readMtime({ path, stats }: Pick<ScannedEntry, 'path' | 'stats'>): Mtime {
  if (stats.exactMtime) return stats.exactMtime;
  // A directory may be the target of a followed link, where lstat would return the status of the link
  const read = () =>
    stats.isDirectory() ? statSync(fsPath(path), { bigint: true, throwIfNoEntry: false }) : lstatExact(path);
  const exact = stats.exact ?? ignoreVanished(path, read);
  return exact ? mtimeOf(exact, () => stats) : roundedMtime(stats.mtimeMs);
}

/** Returns device and inode. Returns undefined if the path has vanished. Throws `SourceTreeError`. */
export function readInode({ path, stats }: ScannedEntry): ScannedEntry['inode'] {
  const exact = stats.exact ?? statusNow(path);
  return exact && { dev: exact.dev, ino: exact.ino };
}

/** Calls lstat. Returns undefined if the path has vanished. Throws `SourceTreeError`. */
export function statusNow(path: string): BigIntStats | undefined {
  return ignoreVanished(path, () => lstatExact(path));
}

/** Codes of a call for a path that has vanished, or that goes through a file by now. */
const VANISHED_CODES: readonly (string | undefined)[] = ['ENOENT', 'ENOTDIR'];

/** Calls `read`. Returns undefined if it fails with one of these codes. Throws `SourceTreeError` for other errors. */
function ignoreVanished<T>(path: string, read: () => T, codes = VANISHED_CODES): T | undefined {
  try {
    return read();
  } catch (error) {
    if (codes.includes((error as NodeJS.ErrnoException).code)) return undefined;
    throw readError(path, error);
  }
}

/** Returns the path of a name in a directory, as scans and listings have it. */
export function pathIn(directory: string, name: string): string {
  return `${directory}${directory.endsWith('/') ? '' : '/'}${name}`;
}

/** Returns the names in a directory in no order, or none if it has vanished. Throws `SourceTreeError`. */
export function listNames(directory: string): string[] {
  const list = () => {
    const names = readdirSync(fsPath(directory), 'utf8');
    // Node replaces bytes that are not UTF-8 with U+FFFD: read the directory again as bytes
    if (!names.some(name => name.includes('\ufffd'))) return names;
    return readdirSync(fsPath(directory), 'buffer').map(decodeName);
  };
  return ignoreVanished(directory, list) ?? [];
}

/** Reads the target of a symlink. Returns undefined if the path has vanished or is no symlink. Throws `SourceTreeError`. */
export function readLinkTarget(path: string): string | undefined {
  return ignoreVanished(path, () => readTarget(path), [...VANISHED_CODES, 'EINVAL']);
}
