import { type BigIntStats, constants, lstatSync, realpathSync, type Stats, statSync } from 'node:fs';
import { decodeName, fsPath } from './names.ts';

/** What a scan looks at in a file's status. */
export type FileStatus = Pick<
  Stats,
  | 'mode'
  | 'nlink'
  | 'uid'
  | 'gid'
  | 'size'
  | 'mtimeMs'
  | 'ctimeMs'
  | 'isFile'
  | 'isDirectory'
  | 'isSymbolicLink'
> & {
  /** Times in whole nanoseconds, full inode numbers; only where they were asked for. */
  readonly exact?: BigIntStats;
};

/**
 * lstat. Plain numbers round times and inode numbers, but cost a third of the memory traffic, which is what a scan of
 * 100,000 files is made of; so `exact` only where it matters. undefined: nothing has this name.
 */
export function lstatFile(path: string, exact: boolean): FileStatus | undefined {
  if (!exact) return lstatSync(fsPath(path), { throwIfNoEntry: false });
  const stats = lstatExact(path);
  return stats && new ExactStatus(stats);
}

/** lstat in whole nanoseconds. */
export function lstatExact(path: string): BigIntStats | undefined {
  return lstatSync(fsPath(path), { bigint: true, throwIfNoEntry: false });
}

/** Whether the system has failed because a path goes through a file, or a link leads round in a circle. */
export function isUnresolvable(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOTDIR' || code === 'ELOOP';
}

/** Whether a directory stands there, not a link to one. */
export function isRealDirectory(path: string): boolean {
  return lstatSync(fsPath(path), { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** The path that leads through no link. Without `native`, Node takes a name's bytes for UTF-8. */
export function realPathOf(path: string): string {
  return decodeName(realpathSync.native(fsPath(path), 'buffer'));
}

/** As `lstatOf`, of what a symlink points to. undefined: nothing, or only itself. */
export function statFile(path: string, exact: boolean): FileStatus | undefined {
  try {
    if (!exact) return statSync(fsPath(path), { throwIfNoEntry: false });
    const stats = statExact(path);
    return stats && new ExactStatus(stats);
  } catch (error) {
    if (isUnresolvable(error)) return undefined;
    throw error;
  }
}

/** As `exactStatus`, of what a symlink points to. */
export function statExact(path: string): BigIntStats | undefined {
  return statSync(fsPath(path), { bigint: true, throwIfNoEntry: false });
}

class ExactStatus implements FileStatus {
  readonly exact: BigIntStats;
  readonly mode: number;
  readonly nlink: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;

  constructor(exact: BigIntStats) {
    this.exact = exact;
    this.mode = Number(exact.mode);
    this.nlink = Number(exact.nlink);
    this.uid = Number(exact.uid);
    this.gid = Number(exact.gid);
    this.size = Number(exact.size);
    // With their fractions, which `exact.mtimeMs` and `exact.ctimeMs` have not
    this.mtimeMs = Number(exact.mtimeNs) / 1e6;
    this.ctimeMs = Number(exact.ctimeNs) / 1e6;
  }

  isFile(): boolean {
    return (this.mode & constants.S_IFMT) === constants.S_IFREG;
  }

  isDirectory(): boolean {
    return (this.mode & constants.S_IFMT) === constants.S_IFDIR;
  }

  isSymbolicLink(): boolean {
    return (this.mode & constants.S_IFMT) === constants.S_IFLNK;
  }
}
