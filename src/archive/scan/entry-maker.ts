import { EntryType } from '../format/entry.ts';
import { isTargetTooLong } from '../format/name-limits.ts';
import { OWNER_WRITES } from '../fs/attributes.ts';
import { MAX_MTIME_US, type Mtime } from '../fs/file-times.ts';
import { ignoreErrors } from '../fs/ignore-errors.ts';
import type { PathLayout } from '../fs/paths/layout.ts';
import { leadsOutside, wayToTarget } from '../fs/paths/link-target.ts';
import { thisPlatform } from '../fs/platform.ts';
import type { ScannedEntry } from '../messages/pack-job.ts';
import {
  type ReadOptions,
  readInode,
  readLinkTarget,
  readMtime,
  readNode,
  TOO_LONG_FOR_FORMAT,
  type TreeNode,
} from './tree-node.ts';

/** Reason to skip a path that a scan has found. */
export const VANISHED = 'vanished during the save';

/** Receives the paths that a scan skips or cannot keep unchanged. */
export interface ScanNotes {
  skipped(path: string, why: string): void;
  /** The mtime is outside of the years that an archive can hold: `limit` is saved instead. */
  timeOutOfRange(path: string, limit: 1970 | 2112): void;
}

const NOT_READ: Mtime = { mtimeUs: 0, mtimeRestNs: 0 };

/** Makes the entries of what a walk finds, in its order: decides which links are kept, and which names are of one file. */
export class EntryMaker {
  readonly #layout: PathLayout;
  readonly #notes: ScanNotes;
  readonly #read: ReadOptions;
  /** The first name of each file or symlink with several names, by device and inode. */
  readonly #firstNames = new Map<string, string>();

  constructor(layout: PathLayout, notes: ScanNotes, read: ReadOptions) {
    this.#layout = layout;
    this.#notes = notes;
    this.#read = read;
  }

  directory(node: TreeNode): ScannedEntry {
    return this.#scanned(node, EntryType.directory, '');
  }

  /** Returns undefined for an item that is not saved, which is noted. */
  leaf(node: TreeNode): ScannedEntry | undefined {
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
