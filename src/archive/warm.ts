import { type BigIntStats, readlinkSync } from 'node:fs';
import { type Entry, EntryType, parentName } from './entry.ts';
import { exactStatus, type FileStatus, lstatOf, statBehind } from './file-status.ts';
import type { PathLayout } from './layout.ts';
import { decodeName, fsPath } from './names.ts';
import { thisPlatform, toMicroseconds } from './platform.ts';

/**
 * Which files and links stand on the disk already as the archive has them, as far as type, size, mode, owner, target
 * and mtime (in microseconds) tell: 1 for each. The names of one file are current together or not at all, and so are
 * files that are one on the disk and several in the archive. Directories never are: they are cheap to set right.
 * Never throws: what cannot be looked at is not current, and the restore says why when it cannot write it either.
 */
export function findCurrent(entries: readonly Entry[], layout: PathLayout): Uint8Array {
  const current = new Uint8Array(entries.length);
  const inodes = new Inodes(entries);
  const paths = new PathsOf(layout);
  entries.forEach((entry, index) => {
    const path = paths.of(entry);
    if (entry.type === EntryType.directory || path === undefined) return;
    const stats = quietly(() => exactStatus(path));
    if (!stats) return;
    if (entry.type === EntryType.hardLink) {
      current[index] = inodes.is(entry.linkTo, stats) ? 1 : 0;
      return;
    }
    current[index] = isCurrent(entry, path, stats) ? 1 : 0;
    if (entry.type === EntryType.file) inodes.add(index, stats);
  });
  spoilGroups(entries, current, inodes.merged);
  return current;
}

function isCurrent(entry: Entry, path: string, stats: BigIntStats): boolean {
  if (toMicroseconds(stats.mtimeNs) !== entry.mtimeUs) return false;
  const owned = !thisPlatform.keepsOwners || entry.uid < 0;
  if (!owned && (Number(stats.uid) !== entry.uid || Number(stats.gid) !== entry.gid)) return false;
  if (entry.type === EntryType.symlink) {
    return stats.isSymbolicLink() && quietly(() => targetOf(path)) === entry.target;
  }
  const sameMode = !thisPlatform.hasModes || (Number(stats.mode) & 0o7777) === entry.mode;
  return stats.isFile() && Number(stats.size) === entry.size && sameMode;
}

function targetOf(path: string): string {
  return decodeName(readlinkSync(fsPath(path), 'buffer'));
}

/** Which entries are one file on the disk. */
class Inodes {
  /** Entries that are one file on the disk, but several in the archive. */
  readonly merged: number[] = [];
  readonly #linked: ReadonlySet<number>;
  readonly #byEntry = new Map<number, string>();
  readonly #byInode = new Map<string, number>();

  constructor(entries: readonly Entry[]) {
    this.#linked = new Set(entries.flatMap(({ linkTo }) => (linkTo >= 0 ? [linkTo] : [])));
  }

  add(entry: number, stats: BigIntStats): void {
    const isLinked = this.#linked.has(entry);
    if (stats.nlink === 1n && !isLinked) return;
    const inode = inodeOf(stats);
    if (isLinked) this.#byEntry.set(entry, inode);
    const other = this.#byInode.get(inode);
    if (other === undefined) this.#byInode.set(inode, entry);
    else this.merged.push(other, entry);
  }

  is(entry: number, stats: BigIntStats): boolean {
    return this.#byEntry.get(entry) === inodeOf(stats);
  }
}

function inodeOf({ dev, ino }: BigIntStats): string {
  return `${dev}:${ino}`;
}

/** A file that is written again gets a new inode: all of its names must be made anew, and so must it for any of them. */
function spoilGroups(entries: readonly Entry[], current: Uint8Array, merged: readonly number[]): void {
  const spoilt = new Set<number>(merged);
  entries.forEach(({ linkTo }, index) => {
    if (linkTo >= 0 && (current[index] === 0 || current[linkTo] === 0)) spoilt.add(linkTo);
  });
  entries.forEach(({ linkTo }, index) => {
    if (spoilt.has(index) || spoilt.has(linkTo)) current[index] = 0;
  });
}

/** Paths of entries in order, from their parents'. A directory behind a symlink below a root is none of ours. */
class PathsOf {
  readonly #layout: PathLayout;
  readonly #known = new Set<string>();
  readonly #directories = new Map<string, string>();

  constructor(layout: PathLayout) {
    this.#layout = layout;
  }

  /** undefined: its directory is not on the disk as a directory. */
  of(entry: Entry): string | undefined {
    const parent = parentName(entry.name);
    const isDirectory = entry.type === EntryType.directory;
    const isRoot = !this.#known.has(parent);
    const above = this.#directories.get(parent);
    const component = entry.name.slice(parent.length, isDirectory ? -1 : undefined);
    const path = isRoot ? this.#layout.toAbsolute(entry.name) : above && `${above}/${component}`;
    if (isDirectory) {
      this.#known.add(entry.name);
      const follow = isRoot && path !== undefined && this.#layout.followsLink(path);
      if (path !== undefined && isDirectoryAt(path, follow)) this.#directories.set(entry.name, path);
    }
    return path;
  }
}

/** As the publication sees it (publish/target-plan.ts). */
function isDirectoryAt(path: string, follow: boolean): boolean {
  const look = (): FileStatus | undefined => (follow ? statBehind(path, false) : lstatOf(path, false));
  return quietly(look)?.isDirectory() ?? false;
}

function quietly<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}
