import { type BigIntStats, constants, lstatSync, realpathSync, type Stats, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Mtime, roundedMtime, splitMtime } from './file-times.ts';
import { ignoreErrors } from './ignore-errors.ts';
import { decodeName, fsPath } from './paths/names.ts';
import { thisPlatform } from './platform.ts';
import type { RowStatus } from './status-rows.ts';

/** The part of a file's status that a scan uses. */
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
  /** Times in whole nanoseconds and full inode numbers, if requested. */
  readonly exact?: RowStatus | undefined;
  /** The mtime in whole nanoseconds, if a worker has read it. */
  readonly exactMtime?: Mtime | undefined;
};

/** A status whose type is in its mode. */
export abstract class ModeStatus {
  abstract readonly mode: number;

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

/**
 * Calls lstat. Returns undefined if the path does not exist. `exact` requests times in nanoseconds and full inode numbers. Plain
 * numbers round them, but cause a third of the memory traffic that dominates a scan of 100,000 files.
 */
export function lstatFile(path: string, exact: boolean): FileStatus | undefined {
  if (!exact) return lstat(path);
  const stats = lstatExact(path);
  return stats && new ExactStatus(stats, () => lstat(path));
}

/** Calls lstat. Returns undefined if the path does not exist. */
export function lstat(path: string): Stats | undefined {
  return lstatSync(fsPath(path), { throwIfNoEntry: false });
}

/** Calls lstat with times in whole nanoseconds. Returns undefined if the path does not exist. */
export function lstatExact(path: string): BigIntStats | undefined {
  return lstatSync(fsPath(path), { bigint: true, throwIfNoEntry: false });
}

/** Exact times in ns before this one are ambiguous: in the first second of a 64-bit clock, or in one of the last 512. */
const AMBIGUOUS_NS = (1n - 2n ** 63n) * 1_000_000_000n;

/** Reads the rounded status of a file whose exact one is known. */
type RoundedReader = () => Pick<Stats, 'mtimeMs'> | undefined;

/**
 * Returns the mtime of an exact status. Node.js 24 converts seconds to a double and back: 2^63 - 512 and all later ones, as of
 * `touch -d @9223372036854775807` on a tmpfs, become -2^63. The rounded status has the right sign.
 */
export function mtimeOf({ mtimeNs }: Pick<BigIntStats, 'mtimeNs'>, readRounded: RoundedReader): Mtime {
  return mtimeNs < AMBIGUOUS_NS ? roundedMtime(readRounded()?.mtimeMs ?? 0) : splitMtime(mtimeNs);
}

/** Returns whether a call failed because the path goes through a file or through a loop of links. */
export function isUnresolvable(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOTDIR' || code === 'ELOOP';
}

/** Returns whether a call failed because the path, or the target of a link, is longer than the system allows. */
export function isTooLong(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENAMETOOLONG';
}

/** Returns whether the path is a directory, and not a link to one. Throws the system's errors. */
export function isRealDirectory(path: string): boolean {
  return lstat(path)?.isDirectory() ?? false;
}

/** Resolves all links of a path. Only `native` keeps names that are not UTF-8. Throws the system's error. */
export function realPathOf(path: string): string {
  try {
    return decodeName(realpathSync.native(fsPath(path), 'buffer'));
  } catch (error) {
    const resolved = thisPlatform.resolvesAllPaths ? undefined : resolveWithoutSystem(path);
    if (resolved === undefined) throw error;
    return resolved;
  }
}

/**
 * Resolves a path that Windows cannot resolve, on a RAM disk (nodejs/node#6861). Returns a path on a mount of a container as it is:
 * the mount is a link to a place outside of the container (nodejs/node#8897). Returns undefined if nothing is there.
 */
function resolveWithoutSystem(path: string): string | undefined {
  const resolved = ignoreErrors(() => decodeName(realpathSync(fsPath(path), 'buffer')));
  return resolved ?? ignoreErrors(() => statSync(fsPath(path)) && resolve(path));
}

/** Calls stat, with `exact` as for `lstatFile`. Returns undefined if the path does not exist, also for a loop of links. */
export function statFile(path: string, exact: boolean): FileStatus | undefined {
  try {
    const read = () => statSync(fsPath(path), { throwIfNoEntry: false });
    if (!exact) return read();
    const stats = statExact(path);
    return stats && new ExactStatus(stats, read);
  } catch (error) {
    if (isUnresolvable(error)) return undefined;
    throw error;
  }
}

/** Calls stat with times in whole nanoseconds. Returns undefined if the path does not exist. Throws for a loop of links. */
export function statExact(path: string): BigIntStats | undefined {
  return statSync(fsPath(path), { bigint: true, throwIfNoEntry: false });
}

class ExactStatus extends ModeStatus implements FileStatus {
  readonly exact: BigIntStats;
  readonly mode: number;
  readonly nlink: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;

  constructor(exact: BigIntStats, readRounded: RoundedReader) {
    super();
    this.exact = exact;
    this.mode = Number(exact.mode);
    this.nlink = Number(exact.nlink);
    this.uid = Number(exact.uid);
    this.gid = Number(exact.gid);
    this.size = Number(exact.size);
    // These have fractions, which `exact.mtimeMs` and `exact.ctimeMs` do not have
    const roundedMs = Number(exact.mtimeNs) / 1e6;
    this.mtimeMs = exact.mtimeNs < AMBIGUOUS_NS ? (readRounded()?.mtimeMs ?? roundedMs) : roundedMs;
    this.ctimeMs = Number(exact.ctimeNs) / 1e6;
  }
}
