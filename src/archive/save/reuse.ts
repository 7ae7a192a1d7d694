import { type Entry, EntryType, type Manifest, parentName } from '../format/entry.ts';
import { compareNames } from '../fs/names.ts';
import type { StatusRows } from '../restore/status-rows.ts';
import type { ScannedEntry } from '../scan/scan.ts';
import { modeOf, ownerOf } from '../threads/pack-job.ts';
import type { Listed } from './entry-book.ts';
import { type RegionUsage, regionUsage } from './region-usage.ts';

/** An archive that a save may grow from: what is unchanged is taken over inside the store. */
export interface Base {
  readonly manifest: Manifest;
  readonly rows: StatusRows;
}

const NOTHING: readonly ScannedEntry[] = [];

/**
 * Tells, thing by thing, what a scan finds unchanged since the base was restored. Keeps a byte of what is unchanged:
 * memory that lives on, for 100,000 files, costs a second of garbage collection.
 */
export class Comparison {
  readonly #base: Base;
  /** By entry of the base: 1 for one that is taken over. */
  readonly #reused: Uint8Array;
  /** Of those, entries that say something else by now. */
  readonly #retold = new Map<number, Entry>();
  /** Files among them that have several names. */
  readonly #firstNames = new Set<string>();
  /** Unchanged directories around the place that the scan has come to. */
  readonly #around: { readonly found: ScannedEntry; readonly index: number }[] = [];
  readonly #deadDirectories: Set<string>;
  /** The entry of the base that comes next. */
  #at = 0;
  #isBlocked = false;

  constructor(base: Base) {
    this.#base = base;
    const { entries, head } = base.manifest;
    this.#reused = new Uint8Array(entries.length);
    this.#deadDirectories = new Set(head.deadDirectories);
    for (const { name, type } of entries) if (type === EntryType.directory) this.#deadDirectories.add(name);
  }

  /** The next thing of the scan (`exact`, in byte order), and what has to be packed because of it, in this order. */
  next(found: ScannedEntry): readonly ScannedEntry[] {
    if (found.type === EntryType.directory) this.#deadDirectories.delete(found.name);
    const index = this.#indexOf(found.name);
    if (index >= 0 && this.#isUnchanged(found, index)) {
      this.#takeOver(found, index);
      return NOTHING;
    }
    // What is unchanged is not where a directory was
    this.#isBlocked ||= this.#deadDirectories.has(`${found.name}/`);
    const directory = this.#directoryAround(found.name);
    if (!directory) return [found];
    // What tar writes into a directory moves the directory's time: its own entry has to come again before that
    this.#around.pop();
    this.#reused[directory.index] = 0;
    return [directory.found, found];
  }

  /** What is taken over, in byte order. */
  *reused(): Generator<Listed> {
    const { entries } = this.#base.manifest;
    for (let index = 0; index < entries.length; index++) {
      if (this.#reused[index] === 0) continue;
      const entry = entries[index]!;
      const linkName = entry.linkTo < 0 ? '' : entries[entry.linkTo]!.name;
      const isLinkable = this.#firstNames.size > 0 && this.#firstNames.has(entry.name);
      yield { entry: this.#retold.get(index) ?? entry, linkName, isLinkable };
    }
  }

  usage(): RegionUsage {
    return regionUsage(this.#base.manifest, index => this.#reused[index] === 1);
  }

  /**
   * Stored names of directories that stand in the base's frames and are none any more. A tar reader makes every one that
   * ever stood there, with what was in it.
   */
  deadDirectories(): readonly string[] {
    return [...this.#deadDirectories];
  }

  /** Whether something else was found where the frames have a directory: tar could not put it there. */
  get isBlocked(): boolean {
    return this.#isBlocked;
  }

  /** Where the base has this name; -1: nowhere. Both are in the same order. */
  #indexOf(name: string): number {
    const { entries } = this.#base.manifest;
    if (entries[this.#at]?.name !== name)
      while (this.#at < entries.length && compareNames(entries[this.#at]!.name, name) < 0) this.#at++;
    return entries[this.#at]?.name === name ? this.#at++ : -1;
  }

  #takeOver(found: ScannedEntry, index: number): void {
    this.#reused[index] = 1;
    const told = this.#base.manifest.entries[index]!;
    const now = asFound(found, told);
    if (now !== told) this.#retold.set(index, now);
    if (found.type === EntryType.file && found.stats.nlink > 1) this.#firstNames.add(found.name);
    if (found.type !== EntryType.directory) return;
    this.#leaveFor(found.name);
    this.#around.push({ found, index });
  }

  /** The unchanged directory that this stands in, when it has not been packed again. */
  #directoryAround(name: string): { readonly found: ScannedEntry; readonly index: number } | undefined {
    this.#leaveFor(name);
    const directory = this.#around.at(-1);
    return directory?.found.name === parentName(name) ? directory : undefined;
  }

  #leaveFor(name: string): void {
    const around = this.#around;
    while (around.length > 0 && !name.startsWith(around.at(-1)!.found.name)) around.pop();
  }

  #isUnchanged(found: ScannedEntry, index: number): boolean {
    const { manifest, rows } = this.#base;
    const entry = manifest.entries[index]!;
    if (entry.type !== found.type) return false;
    if (found.dataBytes > 0) return entry.size > 0 && rows.matches(index, found.stats.exact!);
    if (found.type === EntryType.symlink && entry.target !== found.linkName) return false;
    if (found.type === EntryType.hardLink) {
      const { linkName } = found;
      // Where the first name is packed again, so is this one: a plain tar reader would link to the older data
      return manifest.entries[entry.linkTo]!.name === linkName && this.#firstNames.has(linkName);
    }
    // Nothing but what the manifest says itself
    return (
      entry.size === 0 &&
      entry.mode === modeOf(found) &&
      entry.mtimeUs === found.mtimeUs &&
      entry.uid === ownerOf(found.stats.uid) &&
      entry.gid === ownerOf(found.stats.gid)
    );
  }
}

/** What a full save would say of it: a file system with coarse times has not kept all that the base says. */
function asFound(found: ScannedEntry, told: Entry): Entry {
  const { mtimeUs, stats } = found;
  const mode = modeOf(found);
  const uid = ownerOf(stats.uid);
  const gid = ownerOf(stats.gid);
  const isSame = told.mtimeUs === mtimeUs && told.mode === mode && told.uid === uid && told.gid === gid;
  return isSame ? told : { ...told, mode, mtimeUs, uid, gid };
}
