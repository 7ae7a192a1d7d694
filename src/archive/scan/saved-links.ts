import { EntryType } from '../format/entry.ts';
import { isTargetTooLong } from '../format/name-limits.ts';
import { ignoreErrors } from '../fs/ignore-errors.ts';
import type { PathLayout } from '../fs/paths/layout.ts';
import { leadsOutside, leadsThroughLink } from '../fs/paths/link-target.ts';
import type { ScannedEntry } from '../messages/pack-job.ts';
import { readEntry, readInode, readLinkTarget, readMtime, TOO_LONG_FOR_FORMAT } from './read-entry.ts';
import type { SaveNotices } from './save-notices.ts';

/** Reason to skip a path that a scan has found. */
export const VANISHED = 'vanished during the save';

/** Decides which symlinks of a scan are saved, and which names are of one file. */
export class SavedLinks {
  readonly #layout: PathLayout;
  readonly #notices: SaveNotices;
  /** The first name of each file or symlink with several names, by device and inode. */
  readonly #firstNames = new Map<string, string>();

  constructor(layout: PathLayout, notices: SaveNotices) {
    this.#layout = layout;
    this.#notices = notices;
  }

  /**
   * Reads the target of a symlink, and makes a hard link of a file or symlink with several names if an earlier entry is the same
   * inode. Returns undefined, and adds a notice, for a symlink that is not saved.
   */
  resolve(found: ScannedEntry): ScannedEntry | undefined {
    const { path, name, type, stats } = found;
    let entry = found;
    if (type === EntryType.symlink) {
      const target = readLinkTarget(path);
      const why = target === undefined ? VANISHED : this.#skipReason(path, target);
      if (why !== undefined) {
        this.#notices.addSkipped(path, why);
        return undefined;
      }
      entry = { ...found, linkName: target! };
    }
    if (stats.nlink === 1) return entry;
    const inode = readInode(found);
    const identity = inode ? `${inode.dev}:${inode.ino}` : path;
    const first = this.#firstNames.get(identity);
    if (first !== undefined)
      return { ...entry, type: EntryType.hardLink, linkName: first, size: 0, ...readMtime(found) };
    this.#firstNames.set(identity, name);
    return { ...entry, inode };
  }

  /**
   * Returns why a link is not saved. A literal path is followed if it is a link to a directory: no archive may contain a link that
   * a later step would follow out of its paths (docs/threat-model.md).
   */
  #skipReason(path: string, target: string): string | undefined {
    if (isTargetTooLong(target)) return TOO_LONG_FOR_FORMAT;
    if (!this.#layout.followsLink(path)) return undefined;
    if (leadsOutside(this.#layout, path, target)) return '`path` names a link that leads out of the paths';
    if (leadsThroughLink(path, target, at => this.#isSavedLink(at)))
      return '`path` names a link that leads through another link of the cache';
    return undefined;
  }

  /** Returns whether the archive has this path as a link. */
  #isSavedLink(path: string): boolean {
    const stored = this.#layout.toStored(path);
    if (!this.#layout.permits(stored) && !this.#layout.permits(`${stored}/`)) return false;
    const options = { follow: this.#layout.followsLink(path), exact: false, skip: () => {} };
    return ignoreErrors(() => readEntry(path, stored, options))?.type === EntryType.symlink;
  }
}
