import { type BigIntStats, statSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { type Entry, EntryType, parentName } from './entry.ts';
import { exactStatus } from './file-status.ts';
import { joinStrings, LookColumn, type LookJob, type LookResult } from './jobs.ts';
import type { PathLayout } from './layout.ts';
import { hasAttributes, quietly } from './look.ts';
import { fsPath } from './names.ts';
import type { JobRunner } from './worker-pool.ts';

/** Files that a worker looks at in one job. */
const FILES_A_JOB = 4096;

/**
 * Which entries are on the disk already as the archive has them, as far as type, size, mode, owner, target and mtime
 * (in microseconds) tell: 1 for each. The names of one file are current together or not at all, and so are files that
 * are one on the disk and several in the archive. A directory is current by itself, whatever is in it.
 * What cannot be looked at is not current: the restore says why when it cannot write it either.
 */
export async function findCurrent(
  entries: readonly Entry[],
  layout: PathLayout,
  runner: JobRunner,
): Promise<Uint8Array> {
  const current = new Uint8Array(entries.length);
  const inodes = new Inodes(entries);
  const jobs: Promise<void>[] = [];
  const dispatch = (files: readonly Look[]) => {
    const looked = runner.run(lookJob(files, entries)).then(result => take(result, files));
    // All of them are awaited below
    looked.catch(() => {});
    jobs.push(looked);
  };
  const take = (result: LookResult, files: readonly Look[]) => {
    files.forEach(({ index }, at) => {
      current[index] = result.current[at]!;
    });
    for (let at = 0; at < result.inodes.length; at += 3) {
      const [file, device, inode] = result.inodes.subarray(at, at + 3);
      inodes.add(files[Number(file)]!.index, `${device}:${inode}`);
    }
  };

  const paths = new PathsOf(layout);
  let open: Look[] = [];
  for (const [index, entry] of entries.entries()) {
    const path = paths.of(entry);
    if (entry.type === EntryType.directory) {
      current[index] = paths.isCurrent(entry) ? 1 : 0;
      continue;
    }
    if (path !== undefined) open.push({ index, path });
    if (open.length < FILES_A_JOB) continue;
    dispatch(open);
    open = [];
    // A worker that has ended its jobs gets the next ones when this thread hears of it
    await setImmediate();
  }
  if (open.length > 0) dispatch(open);
  await Promise.all(jobs);
  inodes.judge(current);
  return current;
}

interface Look {
  readonly index: number;
  readonly path: string;
}

function lookJob(files: readonly Look[], entries: readonly Entry[]): LookJob {
  const numbers = new Float64Array(files.length * LookColumn.width);
  files.forEach(({ index }, at) => {
    const { type, mode, mtimeUs, size, uid, gid } = entries[index]!;
    numbers.set([type, mode, mtimeUs, size, uid, gid], at * LookColumn.width);
  });
  return {
    kind: 'look',
    paths: joinStrings(files.map(({ path }) => path)),
    targets: joinStrings(files.map(({ index }) => entries[index]!.target)),
    numbers,
  };
}

/** Which entries are one file on the disk. */
class Inodes {
  readonly #entries: readonly Entry[];
  /** Of entries with several names on the disk. */
  readonly #inodes = new Map<number, string>();

  constructor(entries: readonly Entry[]) {
    this.#entries = entries;
  }

  add(entry: number, inode: string): void {
    this.#inodes.set(entry, inode);
  }

  /** A file that is written again gets a new inode: all of its names must be made anew, and so must it for any of them. */
  judge(current: Uint8Array): void {
    const spoilt = this.#several();
    this.#entries.forEach(({ linkTo }, index) => {
      if (linkTo < 0) return;
      const inode = this.#inodes.get(index);
      const isLinked = inode !== undefined && inode === this.#inodes.get(linkTo);
      if (isLinked && current[linkTo] === 1) current[index] = 1;
      else spoilt.add(linkTo);
    });
    if (spoilt.size === 0) return;
    this.#entries.forEach(({ linkTo }, index) => {
      if (spoilt.has(index) || spoilt.has(linkTo)) current[index] = 0;
    });
  }

  /** Files that are one on the disk, but several in the archive. */
  #several(): Set<number> {
    const found = new Set<number>();
    const byInode = new Map<string, number>();
    for (const [entry, inode] of this.#inodes) {
      if (this.#entries[entry]!.type !== EntryType.file) continue;
      const other = byInode.get(inode);
      if (other === undefined) byInode.set(inode, entry);
      else found.add(other).add(entry);
    }
    return found;
  }
}

/** Paths of entries in order, from their parents'. A directory behind a symlink below a root is none of ours. */
class PathsOf {
  readonly #layout: PathLayout;
  readonly #known = new Set<string>();
  readonly #directories = new Map<string, { readonly path: string; readonly stats: BigIntStats }>();

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
    const path = isRoot ? this.#layout.toAbsolute(entry.name) : above && `${above.path}/${component}`;
    if (isDirectory) {
      this.#known.add(entry.name);
      const follow = isRoot && path !== undefined && this.#layout.followsLink(path);
      const stats = path === undefined ? undefined : quietly(() => (follow ? statBehind : exactStatus)(path));
      if (path !== undefined && stats?.isDirectory()) this.#directories.set(entry.name, { path, stats });
    }
    return path;
  }

  /** Whether a directory that `of` was asked for has the attributes of its entry. */
  isCurrent(entry: Entry): boolean {
    const found = this.#directories.get(entry.name);
    return found !== undefined && hasAttributes(entry, found.stats);
  }
}

/** As the publication sees a root (publish/target-plan.ts). */
function statBehind(path: string): BigIntStats | undefined {
  return statSync(fsPath(path), { bigint: true, throwIfNoEntry: false });
}
