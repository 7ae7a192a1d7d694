/** This folder finds what a step's `path` names on the disk, in the order of an archive. It reads no data of files. */

import type { PathLayout } from '../fs/paths/layout.ts';
import { compareNames } from '../fs/paths/names.ts';
import { isStagingName } from '../fs/paths/staging-name.ts';
import type { Listing } from '../messages/list-job.ts';
import type { ScannedEntry } from '../messages/pack-job.ts';
import { Turns } from '../turns.ts';
import { EntryMaker, type ScanNotes } from './entry-maker.ts';
import { KERNEL_FILES, KernelFiles } from './kernel-files.ts';
import type { Listings } from './listings.ts';
import { rootsToWalk } from './scan-roots.ts';
import { listNames, nodeOf, pathIn, type ReadOptions, readNode, type TreeNode } from './tree-node.ts';

/** A scan yields this when it is time for a turn of the event loop. */
export const PAUSE = undefined;

export type Scan = Generator<ScannedEntry | typeof PAUSE>;

/**
 * Walks the paths of a layout in byte order of the stored names, parents first, each path once. Lazy and synchronous: the
 * entries of a frame are read from the disk when they are requested, so that workers start with the first frame. Yields `PAUSE`
 * when the event loop needs a turn, also in a directory with many files and where it finds nothing to save. `exact` sets
 * `stats.exact` of every entry. Workers read directories for `listings`, which are as `exact`, and a `PAUSE` may wait for one.
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

class Walk {
  readonly #layout: PathLayout;
  /** In order; a root is below another one only if a directory between them is excluded. */
  readonly #roots: readonly TreeNode[];
  readonly #notes: ScanNotes;
  readonly #read: ReadOptions;
  readonly #entries: EntryMaker;
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
    this.#entries = new EntryMaker(layout, notes, this.#read);
  }

  /** Walks roots in order: a root below another one is visited during that one's visit. */
  *all(roots = this.#roots): Scan {
    let covered = '';
    for (const root of roots) {
      if (covered !== '' && root.name.startsWith(covered)) continue;
      if (root.isDirectory) covered = root.name;
      if (this.#kernelFiles.contains(root)) this.#notes.skipped(root.path, KERNEL_FILES);
      else yield* this.#visit(root);
    }
  }

  /** Walks a root. A generator within another one for each directory would pass on each entry once for each of them. */
  *#visit(root: TreeNode): Scan {
    /** The next one last. */
    const open = [root];
    for (let node = open.pop(); node; node = open.pop()) {
      if (this.#isExcluded(node)) {
        if (!node.isDirectory) {
          this.#skipBelow(`${node.name}/`);
          continue;
        }
        // A later pattern may name something below an excluded directory
        yield* this.all(this.#rootsBelow(node.name));
        this.#listings?.drop(node.path);
        continue;
      }
      if (node.isDirectory) yield this.#entries.directory(node);
      if (this.#kernelFiles.isMountedAt(node.path)) {
        this.#notes.skipped(node.path, KERNEL_FILES);
        this.#listings?.drop(node.path);
        continue;
      }
      if (!node.isDirectory) {
        const scanned = this.#entries.leaf(node);
        if (scanned) yield scanned;
        continue;
      }
      const children = yield* this.#children(node);
      this.#listings?.want(
        children.flatMap(child => (child.isDirectory && !this.#isExcluded(child) ? child.path : [])),
      );
      for (const child of children.reverse()) open.push(child);
    }
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
}
