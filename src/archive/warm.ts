import { readlinkSync } from 'node:fs';
import { type Entry, EntryType, parentName } from './entry.ts';
import { lstatOf } from './file-status.ts';
import type { PathLayout } from './layout.ts';
import { decodeName, fsPath } from './names.ts';
import { thisPlatform, toMicroseconds } from './platform.ts';

/**
 * Which files and links stand on the disk already as the archive has them, as far as type, size, mode, owner, target
 * and mtime (in microseconds) tell: 1 for each. The names of one file are current together or not at all. Directories
 * never are: they are cheap to set right.
 */
export function findCurrent(entries: readonly Entry[], layout: PathLayout): Uint8Array {
  const current = new Uint8Array(entries.length);
  const inodes = new Map<number, string>();
  const linked = new Set(entries.flatMap(entry => (entry.linkTo >= 0 ? [entry.linkTo] : [])));
  const paths = new PathsOf(layout);
  entries.forEach((entry, index) => {
    const path = paths.of(entry);
    if (entry.type === EntryType.directory || path === undefined) return;
    const stats = lstatOf(path, true)?.exact;
    if (!stats) return;
    const identity = `${stats.dev}:${stats.ino}`;
    if (linked.has(index)) inodes.set(index, identity);
    if (entry.type === EntryType.hardLink) current[index] = inodes.get(entry.linkTo) === identity ? 1 : 0;
    else current[index] = isCurrent(entry, path, stats) ? 1 : 0;
  });
  spoilGroups(entries, current);
  return current;
}

type Exact = NonNullable<NonNullable<ReturnType<typeof lstatOf>>['exact']>;

function isCurrent(entry: Entry, path: string, stats: Exact): boolean {
  if (toMicroseconds(stats.mtimeNs) !== entry.mtimeUs) return false;
  const owned = !thisPlatform.keepsOwners || entry.uid < 0;
  if (!owned && (Number(stats.uid) !== entry.uid || Number(stats.gid) !== entry.gid)) return false;
  if (entry.type === EntryType.symlink) {
    return stats.isSymbolicLink() && decodeName(readlinkSync(fsPath(path), 'buffer')) === entry.target;
  }
  const sameMode = !thisPlatform.hasModes || (Number(stats.mode) & 0o7777) === entry.mode;
  return stats.isFile() && Number(stats.size) === entry.size && sameMode;
}

/** A file that is written again gets a new inode: all of its names must be made anew, and so must it for any of them. */
function spoilGroups(entries: readonly Entry[], current: Uint8Array): void {
  const spoilt = new Set<number>();
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
  readonly #directories = new Map<string, string>();

  constructor(layout: PathLayout) {
    this.#layout = layout;
  }

  /** undefined: its directory is not on the disk as a directory. */
  of(entry: Entry): string | undefined {
    const parent = parentName(entry.name);
    const isDirectory = entry.type === EntryType.directory;
    const component = entry.name.slice(parent.length, isDirectory ? -1 : undefined);
    const isRoot = !this.#known.has(parent);
    const above = this.#directories.get(parent);
    const path = isRoot ? this.#layout.toAbsolute(entry.name) : above && `${above}/${component}`;
    if (isDirectory) {
      this.#known.add(entry.name);
      if (path !== undefined && (isRoot || lstatOf(path, false)?.isDirectory()))
        this.#directories.set(entry.name, path);
    }
    return path;
  }

  readonly #known = new Set<string>();
}
