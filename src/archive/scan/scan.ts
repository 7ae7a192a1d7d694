/** This folder finds the files that a step's `path` names on the disk, in the order of an archive. It reads no data of files. */

import { EntryType } from '../format/entry.ts';
import { MAX_MTIME_US } from '../fs/file-times.ts';
import type { PathLayout } from '../fs/paths/layout.ts';
import { compareNames } from '../fs/paths/names.ts';
import { isNeverSaved } from '../fs/paths/staging-name.ts';
import type { Listing } from '../messages/list-job.ts';
import type { ScannedEntry } from '../messages/pack-job.ts';
import { Turns } from '../turns.ts';
import { KERNEL_FILES, KernelFiles } from './kernel-files.ts';
import type { Listings } from './listings.ts';
import { entryOf, listNames, pathIn, type ReadOptions, readEntry } from './read-entry.ts';
import type { SaveNotices } from './save-notices.ts';
import { SavedLinks } from './saved-links.ts';
import { rootsToWalk } from './scan-roots.ts';

/** Entries of a scan that follow each other. */
export type Batch = readonly ScannedEntry[];

/** Maximum number of entries of a batch. */
const BATCH_ENTRIES = 500;

/**
 * Walks the paths of a layout in byte order of the stored names, parents first, each path once. A batch is read from the disk
 * when it is requested, so that workers start with the first frame. The event loop gets a turn after each batch, and more on a
 * slow file system. Workers read directories for `listings`. Throws the signal's reason, and `SourceTreeError` for a directory
 * that cannot be read.
 */
export function scan(
  layout: PathLayout,
  roots: readonly string[],
  notices: SaveNotices,
  listings: Listings,
  signal: AbortSignal | undefined,
): AsyncGenerator<Batch> {
  return new Walk(layout, notices, listings, signal).batches(roots);
}

class Walk {
  readonly #layout: PathLayout;
  readonly #notices: SaveNotices;
  readonly #listings: Listings;
  readonly #turns: Turns;
  readonly #readOptions: ReadOptions;
  readonly #links: SavedLinks;
  readonly #kernelFiles: KernelFiles;
  /** The roots in order: a root is below another one only if a directory between them is excluded. */
  #roots: readonly ScannedEntry[] = [];
  /** Roots at which the walk begins: it has entered no directory above them. */
  readonly #walkedRoots = new Set<ScannedEntry>();

  constructor(layout: PathLayout, notices: SaveNotices, listings: Listings, signal: AbortSignal | undefined) {
    this.#layout = layout;
    this.#notices = notices;
    this.#listings = listings;
    this.#turns = new Turns(signal);
    const skip = (path: string, why: string) => notices.addSkipped(path, why);
    this.#readOptions = { follow: false, exact: listings.exact, skip };
    this.#links = new SavedLinks(layout, notices);
    this.#kernelFiles = new KernelFiles(layout);
  }

  async *batches(paths: readonly string[]): AsyncGenerator<Batch> {
    this.#roots = await rootsToWalk(this.#layout, paths, this.#readOptions, this.#turns);
    let batch: ScannedEntry[] = [];
    /** Entries to visit, the next one last. */
    const open = this.#pickOutermost(this.#roots);
    for (let entry = open.pop(); entry; entry = open.pop()) {
      const { path } = entry;
      if (this.#walkedRoots.has(entry) && this.#kernelFiles.contains(entry)) {
        this.#notices.addSkipped(path, KERNEL_FILES);
        continue;
      }
      if (this.#isExcluded(entry)) {
        for (const root of this.#findNamedBelow(entry)) open.push(root);
        continue;
      }
      const isDirectory = entry.type === EntryType.directory;
      const isMount = this.#kernelFiles.isMountedAt(path);
      const saved = isMount && !isDirectory ? undefined : this.#resolve(entry);
      if (saved) batch.push(saved);
      if (isMount) {
        this.#notices.addSkipped(path, KERNEL_FILES);
        this.#listings.drop(path);
      } else if (isDirectory) {
        for (let job = this.#listings.ensureJob(path); job; job = this.#listings.ensureJob(path)) {
          // These entries can be packed meanwhile
          yield batch;
          batch = [];
          await job;
          await this.#turns.take();
        }
        for (const child of (await this.#readChildren(entry)).reverse()) open.push(child);
      }
      if (batch.length < BATCH_ENTRIES) continue;
      yield batch;
      batch = [];
      await this.#turns.take();
    }
    yield batch;
    await this.#turns.take();
  }

  /** Returns the roots that are below no other one of these, the first one last. */
  #pickOutermost(roots: readonly ScannedEntry[]): ScannedEntry[] {
    let covered = '';
    const outermost = roots.filter(root => {
      if (covered !== '' && root.name.startsWith(covered)) return false;
      if (root.type === EntryType.directory) covered = root.name;
      this.#walkedRoots.add(root);
      return true;
    });
    return outermost.reverse();
  }

  #isExcluded({ path }: ScannedEntry): boolean {
    return this.#layout.hasExclusions && this.#layout.excludes(path);
  }

  /** Returns the roots below something that is excluded: a later pattern may name them. The first one is last. */
  #findNamedBelow({ path, name, type }: ScannedEntry): ScannedEntry[] {
    if (type === EntryType.directory) {
      this.#listings.drop(path);
      return this.#pickOutermost(
        this.#roots.filter(root => root.name.startsWith(name) && root.name !== name),
      );
    }
    if (type !== EntryType.symlink) return [];
    // Names below a link do not fit in the order of the names around it
    const below = `${name}/`;
    for (const root of this.#roots)
      if (root.name.startsWith(below))
        this.#notices.addSkipped(root.path, 'behind a link that `path` excludes');
    return [];
  }

  /** Returns the entry as it is saved. Returns undefined, and adds a notice, for an item that is not saved. */
  #resolve(found: ScannedEntry): ScannedEntry | undefined {
    const { path, stats, type } = found;
    if (type === EntryType.file && !stats.isFile()) {
      this.#notices.addSkipped(path, 'neither a file, a directory nor a link');
      return undefined;
    }
    const hasSeveralNames = type !== EntryType.directory && stats.nlink !== 1;
    const entry = type === EntryType.symlink || hasSeveralNames ? this.#links.resolve(found) : found;
    if (entry && stats.mtimeMs < 0) this.#notices.addChangedTime(path, 1970);
    else if (entry && stats.mtimeMs * 1000 > MAX_MTIME_US) this.#notices.addChangedTime(path, 2112);
    return entry;
  }

  /** Returns the items of a directory in their order. Workers may read the directories among them. */
  async #readChildren(directory: ScannedEntry): Promise<ScannedEntry[]> {
    const listing = this.#listings.take(directory.path);
    const children = listing ? this.#readListing(directory, listing) : await this.#readDirectory(directory);
    const isEntered = (child: ScannedEntry) =>
      child.type === EntryType.directory &&
      !this.#isExcluded(child) &&
      !this.#kernelFiles.isMountedAt(child.path);
    this.#listings.want(children.flatMap(child => (isEntered(child) ? child.path : [])));
    return children;
  }

  async #readDirectory(directory: ScannedEntry): Promise<ScannedEntry[]> {
    const children: ScannedEntry[] = [];
    for (const name of listNames(directory.path)) {
      if (isNeverSaved(name)) continue;
      if (this.#turns.isDue()) await this.#turns.take();
      const child = readEntry(pathIn(directory.path, name), directory.name + name, this.#readOptions);
      if (child) children.push(child);
    }
    return children.sort((a, b) => compareNames(a.name, b.name, directory.name.length));
  }

  /** Makes entries of the items that a worker has read, in their order. */
  #readListing(directory: ScannedEntry, { names, statusOf }: Listing): ScannedEntry[] {
    return names.flatMap((name, index): ScannedEntry | [] => {
      const path = pathIn(directory.path, name);
      const child = entryOf(path, directory.name + name, statusOf(index), this.#readOptions);
      if (!child) this.#listings.drop(path);
      return child ?? [];
    });
  }
}
