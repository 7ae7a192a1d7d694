/** This folder finds what a step's `path` names on the disk, in the order of an archive. It reads no data of files. */

import { EntryType } from '../format/entry.ts';
import { isTargetTooLong } from '../format/name-limits.ts';
import { OWNER_WRITES } from '../fs/attributes.ts';
import { MAX_MTIME_US, type Mtime } from '../fs/file-times.ts';
import { ignoreErrors } from '../fs/ignore-errors.ts';
import type { PathLayout } from '../fs/paths/layout.ts';
import { leadsOutside, wayToTarget } from '../fs/paths/link-target.ts';
import { compareNames } from '../fs/paths/names.ts';
import { isStagingName } from '../fs/paths/staging-name.ts';
import { thisPlatform } from '../fs/platform.ts';
import type { Listing } from '../messages/list-job.ts';
import type { ScannedEntry } from '../messages/pack-job.ts';
import { Turns } from '../turns.ts';
import { KERNEL_FILES, KernelFiles } from './kernel-files.ts';
import type { Listings } from './listings.ts';
import { rootsToWalk } from './scan-roots.ts';
import {
  listNames,
  nodeOf,
  pathIn,
  type ReadOptions,
  readInode,
  readLinkTarget,
  readMtime,
  readNode,
  TOO_LONG_FOR_FORMAT,
  type TreeNode,
} from './tree-node.ts';

/** A scan yields this when it is time for a turn of the event loop. */
export const PAUSE = undefined;

export type Scan = Generator<ScannedEntry | typeof PAUSE>;

/** Reason to skip a path that a scan has found. */
export const VANISHED = 'vanished during the save';

/** Receives the paths that a scan skips or cannot keep unchanged. */
export interface ScanNotes {
  skipped(path: string, why: string): void;
  /** The mtime is outside of the years that an archive can hold: `limit` is saved instead. */
  timeOutOfRange(path: string, limit: 1970 | 2112): void;
}

/**
 * Walks the paths of a layout in byte order of the stored names, parents first, each path once. Lazy and synchronous: the
 * entries of a frame are read from the disk when they are requested, so that workers start with the first frame. Yields `PAUSE`
 * when the event loop needs a turn, also in a directory with many files and where it finds nothing to save. `exact` sets
 * `stats.exact` of every entry, which `listings` do not have: workers read directories for them, and a `PAUSE` may wait for one.
 * Throws `SourceTreeError` for a directory that cannot be read.
 */
export function* scan(
  layout: PathLayout,
  roots: readonly string[],
  notes: ScanNotes,
  exact = false,
  listings?: Listings,
): Scan {
  const outermost = yield* rootsToWalk(layout, roots, (path, why) => notes.skipped(path, why), exact);
  yield* new Walk(layout, outermost, notes, exact, listings).all();
}

const NOT_READ: Mtime = { mtimeUs: 0, mtimeRestNs: 0 };

class Walk {
  readonly #layout: PathLayout;
  /** In order; a root is below another one only if a directory between them is excluded. */
  readonly #roots: readonly TreeNode[];
  readonly #notes: ScanNotes;
  readonly #read: ReadOptions;
  /** The first name of each file or symlink with several names, by device and inode. */
  readonly #firstNames = new Map<string, string>();
  readonly #turns = new Turns();
  readonly #kernelFiles: KernelFiles;
  readonly #listings: Listings | undefined;

  constructor(
    layout: PathLayout,
    roots: readonly TreeNode[],
    notes: ScanNotes,
    exact: boolean,
    listings: Listings | undefined,
  ) {
    this.#listings = listings;
    this.#layout = layout;
    this.#kernelFiles = new KernelFiles(layout);
    this.#roots = roots;
    this.#notes = notes;
    this.#read = { follow: false, exact, skip: (path, why) => notes.skipped(path, why) };
  }

  all(): Scan {
    return this.#visitRoots(this.#roots);
  }

  /** A root below another one is visited during that one's visit, in the order of its name. */
  *#visitRoots(roots: readonly TreeNode[]): Scan {
    let covered = '';
    for (const root of roots) {
      if (covered !== '' && root.name.startsWith(covered)) continue;
      if (root.isDirectory) covered = root.name;
      if (this.#kernelFiles.contains(root)) this.#notes.skipped(root.path, KERNEL_FILES);
      else yield* this.#visit(root);
    }
  }

  *#visit(node: TreeNode): Scan {
    if (this.#isExcluded(node)) {
      if (!node.isDirectory) return this.#skipBelow(`${node.name}/`);
      // A later pattern may name something below an excluded directory
      yield* this.#visitRoots(this.#rootsBelow(node.name));
      this.#listings?.drop(node.path);
      return;
    }
    if (node.isDirectory) yield this.#scanned(node, EntryType.directory, '');
    if (this.#kernelFiles.isMountedAt(node.path)) {
      this.#notes.skipped(node.path, KERNEL_FILES);
      this.#listings?.drop(node.path);
      return;
    }
    if (!node.isDirectory) {
      const scanned = this.#leaf(node);
      if (scanned) yield scanned;
      return;
    }
    const children = yield* this.#children(node);
    this.#listings?.want(
      children.flatMap(child => (child.isDirectory && !this.#isExcluded(child) ? child.path : [])),
    );
    for (const child of children) yield* this.#visit(child);
  }

  #isExcluded({ path }: TreeNode): boolean {
    return this.#layout.hasExclusions && this.#layout.excludes(path);
  }

  #rootsBelow(directory: string): readonly TreeNode[] {
    return this.#roots.filter(({ name }) => name.startsWith(directory) && name !== directory);
  }

  /** Skips names below an excluded link: they do not fit in the order of the names around it. */
  #skipBelow(link: string): void {
    for (const { path, name } of this.#roots)
      if (name.startsWith(link)) this.#notes.skipped(path, 'behind a link that `path` excludes');
  }

  *#children(directory: TreeNode): Generator<typeof PAUSE, TreeNode[]> {
    while (this.#listings?.isAwaited(directory.path)) yield PAUSE;
    const listing = this.#listings?.take(directory.path);
    if (listing) return this.#listed(directory, listing);
    const children: TreeNode[] = [];
    for (const name of listNames(directory.path)) {
      if (isStagingName(name)) continue;
      if (this.#turns.isDue()) {
        yield PAUSE;
        this.#turns.restart();
      }
      const path = pathIn(directory.path, name);
      const child = readNode(path, directory.name + name, this.#read);
      if (child) children.push(child);
    }
    return this.#inOrder(directory, children);
  }

  /** Makes the children that a worker has read. */
  #listed(directory: TreeNode, { names, statusOf }: Listing): TreeNode[] {
    const children = names.flatMap((name, index): TreeNode | [] => {
      const path = pathIn(directory.path, name);
      const child = nodeOf(path, directory.name + name, statusOf(index), this.#read);
      if (!child) this.#listings?.drop(path);
      return child ?? [];
    });
    return this.#inOrder(directory, children);
  }

  #inOrder(directory: TreeNode, children: TreeNode[]): TreeNode[] {
    return children.sort((a, b) => compareNames(a.name, b.name, directory.name.length));
  }

  #leaf(node: TreeNode): ScannedEntry | undefined {
    const { stats, path } = node;
    if (stats.isFile()) return this.#linkable(node, EntryType.file, '');
    if (!stats.isSymbolicLink()) {
      this.#notes.skipped(path, 'neither a file, a directory nor a link');
      return undefined;
    }
    const target = readLinkTarget(path);
    const why = target === undefined ? VANISHED : this.#linkSkipReason(path, target);
    if (why === undefined) return this.#linkable(node, EntryType.symlink, target!);
    this.#notes.skipped(path, why);
    return undefined;
  }

  /** Makes the entry of a file or symlink: a hard link if an earlier entry is the same inode. */
  #linkable(node: TreeNode, type: EntryType, linkName: string): ScannedEntry {
    if (node.stats.nlink === 1) return this.#scanned(node, type, linkName);
    const inode = readInode(node);
    const identity = inode ? `${inode.dev}:${inode.ino}` : node.path;
    const first = this.#firstNames.get(identity);
    if (first !== undefined) return this.#scanned(node, EntryType.hardLink, first);
    this.#firstNames.set(identity, node.name);
    return { ...this.#scanned(node, type, linkName), inode };
  }

  /**
   * Returns why a link is not saved. A literal path is followed if it is a link to a directory: an archive never holds the
   * link that a later step would follow out of its paths (docs/threat-model.md).
   */
  #linkSkipReason(path: string, target: string): string | undefined {
    if (isTargetTooLong(target)) return TOO_LONG_FOR_FORMAT;
    if (!this.#layout.followsLink(path)) return undefined;
    if (leadsOutside(this.#layout, path, target)) return '`path` names a link that leads out of the paths';
    // A link to itself leads nowhere
    if (wayToTarget(path, target).some(at => at !== path && this.#isSavedLink(at)))
      return '`path` names a link that leads through another link of the cache';
    return undefined;
  }

  /** Returns whether the archive holds this path as a link. */
  #isSavedLink(path: string): boolean {
    const stored = this.#layout.toStored(path);
    if (!this.#layout.permits(stored) && !this.#layout.permits(`${stored}/`)) return false;
    const options = { ...this.#read, follow: this.#layout.followsLink(path), skip: () => {} };
    return ignoreErrors(() => readNode(path, stored, options))?.stats.isSymbolicLink() ?? false;
  }

  #scanned(node: TreeNode, type: EntryType, linkName: string): ScannedEntry {
    if (node.stats.mtimeMs < 0) this.#notes.timeOutOfRange(node.path, 1970);
    else if (node.stats.mtimeMs * 1000 > MAX_MTIME_US) this.#notes.timeOutOfRange(node.path, 2112);
    return entryOf(node, type, linkName);
  }
}

/** Returns the entry of a path whose status was just read. */
export function entryOf(node: TreeNode, type: EntryType, linkName: string): ScannedEntry {
  const hasData = type === EntryType.file && node.stats.size > 0;
  const { mtimeUs, mtimeRestNs } = hasData && !node.stats.exact ? NOT_READ : readMtime(node);
  return {
    name: node.name,
    path: node.path,
    type,
    stats: node.stats,
    mode: storedMode(node),
    mtimeUs,
    mtimeRestNs,
    uid: thisPlatform.keepsOwners ? node.stats.uid : -1,
    gid: thisPlatform.keepsOwners ? node.stats.gid : -1,
    size: hasData ? node.stats.size : 0,
    linkName,
  };
}

/** Returns the permission bits that are stored. */
function storedMode({ stats, isDirectory }: TreeNode): number {
  if (thisPlatform.hasModes) return stats.mode & 0o7777;
  // Where there are no modes, those that suit both sides of a cache shared between systems
  if (isDirectory) return 0o755;
  return (stats.mode & OWNER_WRITES) === 0 ? 0o444 : 0o644;
}
