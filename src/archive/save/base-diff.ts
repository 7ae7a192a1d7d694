import { BaseOutgrownError } from '../archive-errors.ts';
import { type Entry, EntryType } from '../format/entry.ts';
import { OpenDirectories } from '../format/open-directories.ts';
import { isSameMode } from '../fs/attributes.ts';
import { fileTimes } from '../fs/file-times.ts';
import { hasTarget } from '../fs/links/symlinks.ts';
import { compareNames } from '../fs/paths/names.ts';
import type { ScannedEntry } from '../messages/pack-job.ts';
import type { ManifestEntry } from './manifest-builder.ts';
import { type BaseArchive, type RegionUsage, regionUsage } from './reuse-estimate.ts';

const NOTHING: readonly ScannedEntry[] = [];

/**
 * Compares a scan, entry by entry, with the base as it was restored. Keeps one byte for an unchanged entry, because objects for
 * 100,000 files cause a second of garbage collection.
 */
export class BaseDiff {
  readonly #base: BaseArchive;
  /** 1 for each entry of the base whose data is reused. */
  readonly #isReused: Uint8Array;
  /** New entries of the reused ones whose attributes have changed, by index in the base. */
  readonly #updated = new Map<number, Entry>();
  /** First names of reused files and symlinks that have several names. */
  readonly #firstNames = new Set<string>();
  /** Unchanged directories above the scan's next entry that are not packed again. `index` is their index in the base. */
  readonly #open = new OpenDirectories<{ name: string; found: ScannedEntry; index: number }>();
  readonly #deadDirectories: Set<string>;
  /** Index of the base's next entry. */
  #next = 0;

  constructor(base: BaseArchive) {
    this.#base = base;
    const { entries, head } = base.manifest;
    this.#isReused = new Uint8Array(entries.length);
    this.#deadDirectories = new Set(head.deadDirectories);
    for (const { name, type } of entries) if (type === EntryType.directory) this.#deadDirectories.add(name);
  }

  /** Advances to the name of the scan's next entry. Returns the index of the base's entry of this name, or -1. */
  advanceTo(name: string): number {
    const { entries } = this.#base.manifest;
    if (entries[this.#next]?.name !== name)
      while (this.#next < entries.length && compareNames(entries[this.#next]!.name, name) < 0) this.#next++;
    return entries[this.#next]?.name === name ? this.#next++ : -1;
  }

  /**
   * Compares the next entry of the scan (`exact`, in byte order) with the base's entry of the same name, which has this index.
   * `hasSameContent` is true for a touched file with the base's data. Returns the entries to pack because of it, in this order.
   * Throws `BaseOutgrownError` for a new entry of another type at the name of a directory in the base's frames: tar could not
   * write it there.
   */
  next(found: ScannedEntry, index: number, hasSameContent: boolean): readonly ScannedEntry[] {
    if (found.type === EntryType.directory) this.#deadDirectories.delete(found.name);
    if (index >= 0 && (hasSameContent || this.#isUnchanged(found, index))) {
      this.#reuse(found, index);
      return NOTHING;
    }
    // An unchanged entry cannot have the name of a directory in the base
    if (this.#deadDirectories.has(`${found.name}/`))
      throw new BaseOutgrownError('a directory was replaced by an entry of another type');
    const directory = this.#open.parentOf(found.name);
    if (!directory) return [found];
    // Each entry that tar makes in a directory changes the directory's time, so the directory must be packed again before it
    this.#open.leave();
    this.#isReused[directory.index] = 0;
    return [directory.found, found];
  }

  /** Yields the entries whose data is reused, in byte order. */
  *reused(): Generator<ManifestEntry> {
    const { entries } = this.#base.manifest;
    for (let index = 0; index < entries.length; index++) {
      if (this.#isReused[index] === 0) continue;
      const entry = entries[index]!;
      const linkName = entry.linkTo < 0 ? '' : entries[entry.linkTo]!.name;
      const isLinkable = this.#firstNames.size > 0 && this.#firstNames.has(entry.name);
      yield { entry: this.#updated.get(index) ?? entry, linkName, isLinkable };
    }
  }

  /** Estimates how much of the base's frames the reused entries use. */
  usage(): RegionUsage {
    return regionUsage(this.#base.manifest, index => this.#isReused[index] === 1);
  }

  /**
   * Returns the stored names of directories that are in the base's frames and not in the tree. A tar reader creates them
   * all, with their content.
   */
  deadDirectories(): readonly string[] {
    return [...this.#deadDirectories];
  }

  #reuse(found: ScannedEntry, index: number): void {
    this.#isReused[index] = 1;
    const original = this.#base.manifest.entries[index]!;
    const updated = withAttributesOf(found, original);
    if (updated !== original) this.#updated.set(index, updated);
    if (found.inode) this.#firstNames.add(found.name);
    if (found.type !== EntryType.directory) return;
    this.#open.parentOf(found.name);
    this.#open.enter({ name: found.name, found, index });
  }

  #isUnchanged(found: ScannedEntry, index: number): boolean {
    const { manifest, rows } = this.#base;
    const entry = manifest.entries[index]!;
    if (entry.type !== found.type) return false;
    if (found.size > 0) return entry.size > 0 && rows.matches(index, found.stats.exact!);
    if (found.type === EntryType.symlink && !hasTarget(found.path, found.linkName, entry.target))
      return false;
    if (found.type === EntryType.hardLink) {
      const { linkName } = found;
      // If the first name is packed again, this one is too: a plain tar reader would link to the older data
      return manifest.entries[entry.linkTo]!.name === linkName && this.#firstNames.has(linkName);
    }
    // An entry without data is wholly in the manifest
    return (
      entry.size === 0 &&
      isSameMode(entry.mode, found.mode, found.type === EntryType.directory) &&
      fileTimes.isRestored(entry, found) &&
      entry.uid === found.uid &&
      entry.gid === found.gid
    );
  }
}

/**
 * Returns the entry with the attributes of the disk. Returns the original entry if its restore has led to these attributes: a file
 * system with coarse times, for example, rounds its mtime.
 */
function withAttributesOf(found: ScannedEntry, original: Entry): Entry {
  const { mtimeUs, mtimeRestNs, uid, gid } = found;
  const isDirectory = original.type === EntryType.directory;
  // Windows shows less of the mode than another system may have saved
  const mode = isSameMode(original.mode, found.mode, isDirectory) ? original.mode : found.mode;
  const isSame =
    fileTimes.isRestored(original, found) &&
    original.mode === mode &&
    original.uid === uid &&
    original.gid === gid;
  return isSame ? original : { ...original, mode, mtimeUs, mtimeRestNs, uid, gid };
}
