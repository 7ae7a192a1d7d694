/** This folder plans a restore: the directories that exist, where each entry is built, and the items in its way. */

import { lstatSync, type Stats, statSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { TargetTreeError, UnusableArchiveError } from '../../archive-errors.ts';
import { type Entry, EntryType, parentName } from '../../format/entry.ts';
import { OpenDirectories } from '../../format/open-directories.ts';
import { isUnresolvable } from '../../fs/file-status.ts';
import type { RestoredLinks } from '../../fs/links/restored-links.ts';
import type { PathLayout } from '../../fs/paths/layout.ts';
import { fsPath } from '../../fs/paths/names.ts';
import { thisPlatform } from '../../fs/platform.ts';
import { showPath, writeError } from '../../fs/tree-errors.ts';
import { forEachInTurns } from '../../turns.ts';
import { ShortPaths } from '../staging/short-path.ts';
import { ExistingDirectories, type ExistingDirectory, type ExistingOptions } from './existing-directories.ts';
import { type FreshDirectory, type Move, StagedPaths, type TargetPlan } from './target-plan.ts';

export interface PlanOptions extends ExistingOptions {
  readonly layout: PathLayout;
  /** Links that earlier restores of the job have made. */
  readonly restoredLinks: RestoredLinks;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Decides for every entry where it is built and which rename publishes it. Removes stale staging, and changes nothing else on
 * the disk. Throws `TargetTreeError` if the tree cannot be written, `UnusableArchiveError` for an entry on a drive that this
 * machine does not have, and the signal's reason.
 */
export async function planTarget(entries: readonly Entry[], options: PlanOptions): Promise<TargetPlan> {
  const planner = new Planner(entries, options);
  await forEachInTurns(entries, options.signal, (entry, index) => {
    try {
      planner.add(entry, index);
    } catch (error) {
      const { code, path = '' } = error as NodeJS.ErrnoException;
      if (code === undefined || error instanceof TargetTreeError) throw error;
      // The error has this character in place of bytes that are not UTF-8
      throw writeError(path.includes('\ufffd') ? options.layout.toAbsolute(entry.name) : path, error);
    }
  });
  return planner.finish();
}

type PlannedDirectory = FreshDirectory | ExistingDirectory;

/** A directory of the archive, by its stored name. */
interface NamedDirectory {
  readonly name: string;
  readonly directory: PlannedDirectory;
}

function isFresh(directory: PlannedDirectory): directory is FreshDirectory {
  return 'parent' in directory;
}

class Planner {
  readonly #entries: readonly Entry[];
  readonly #layout: PathLayout;
  readonly #options: PlanOptions;
  readonly #existing: ExistingDirectories;
  readonly #fresh: FreshDirectory[] = [];
  readonly #moves: Move[] = [];
  readonly #shortPaths = new ShortPaths();
  readonly #staged: StagedPaths;
  /** Directories of the archive that the next entry may be in. */
  readonly #open = new OpenDirectories<NamedDirectory>();
  /** Directories above the roots by absolute path. */
  readonly #above = new Map<string, PlannedDirectory>();

  constructor(entries: readonly Entry[], options: PlanOptions) {
    this.#entries = entries;
    this.#staged = new StagedPaths(entries, this.#shortPaths);
    this.#layout = options.layout;
    this.#options = options;
    this.#existing = new ExistingDirectories(options);
  }

  /** Plans an entry, after the directories above it. Throws `TargetTreeError` and the system's errors. */
  add(entry: Entry, index: number): void {
    const parent = this.#open.parentOf(entry.name);
    if (!parent) this.#sweepAbove(parentName(entry.name));
    if (entry.type === EntryType.directory) {
      const directory = parent
        ? this.#childDirectory(parent, entry, index)
        : this.#rootDirectory(entry, index);
      this.#open.enter({ name: entry.name, directory });
      // A `!` line may exclude a directory while another line names something below it
      if (this.#layout.hasExclusions) this.#above.set(this.#layout.toAbsolute(entry.name), directory);
      return;
    }
    if (!this.#options.isWanted(index)) return;
    const target = parent ? undefined : this.#layout.toAbsolute(entry.name);
    const directory = parent?.directory ?? this.#directoryAbove(dirname(target!));
    if (isFresh(directory)) {
      this.#staged.setInside(index, directory.path);
      return;
    }
    const component = parent ? entry.name.slice(parent.name.length) : basename(target!);
    this.#staged.set(index, this.#addMove(directory, component, index));
  }

  async finish(): Promise<TargetPlan> {
    return {
      entries: this.#entries,
      areas: this.#existing.areas,
      fresh: this.#fresh,
      existing: this.#existing.all,
      moves: this.#moves,
      staged: this.#staged,
      shortPaths: this.#shortPaths,
      remainingStaging: await this.#existing.sweep(this.#options.signal),
    };
  }

  /** Plans the rename of an entry, or of a directory without one, to `component` in `parent`. Returns its path in staging. */
  #addMove(parent: ExistingDirectory, component: string, entry: number): string {
    const { path: to, kind } = this.#existing.requireRenameTarget(parent, component);
    const isTree = entry < 0 || this.#entries[entry]!.type === EntryType.directory;
    // If another job has made a directory there since it was checked, the commit merges the staged one into it
    const isBlocked = kind !== undefined && (kind === 'directory') !== isTree;
    if (isBlocked && !isTree) this.#existing.requireMovable(to, parent);
    const from = isTree ? parent.area.reserveTree() : parent.area.reserveFile();
    this.#moves.push({ from, to, isTree, entry, parent, isBlocked });
    return from;
  }

  #rootDirectory(entry: Entry, index: number): PlannedDirectory {
    const path = this.#layout.toAbsolute(entry.name);
    // A symlink that `path` names without a wildcard is the user's own. A save stores one that a wildcard finds as a link, so
    // an earlier archive may have made it
    const isFollowed = this.#layout.followsLink(path) && !this.#options.restoredLinks.has(path);
    this.#refuseRestoredLink(isFollowed ? path : dirname(path));
    const stats = statTarget(path, isFollowed ? statSync : lstatSync);
    if (stats?.isDirectory()) {
      // An earlier restore may have left staging there, with files that were open
      if (thisPlatform.locksOpenFiles) this.#existing.toSweep.add(path);
      return this.#existing.add({ path, entry: index, stats, isFollowed });
    }
    return this.#addFreshIn(this.#directoryAbove(dirname(path)), basename(path), index);
  }

  #childDirectory(
    { name, directory: parent }: NamedDirectory,
    entry: Entry,
    index: number,
  ): PlannedDirectory {
    const component = entry.name.slice(name.length, -1);
    if (isFresh(parent)) return this.#addFreshIn(parent, component, index);
    const path = `${parent.path}/${component}`;
    if (!this.#options.isWanted(index)) {
      // Most directories of a warm restore are unchanged, so the device of one is not read before the first rename into it
      const stats = { mode: entry.mode, dev: parent.area.dev };
      return this.#existing.add({ path, entry: index, stats, parent });
    }
    if (this.#existing.kindOf(parent, component) === 'directory') {
      const stats = statTarget(path, lstatSync);
      if (stats?.isDirectory()) return this.#existing.add({ path, entry: index, stats, parent });
    }
    return this.#addFreshIn(parent, component, index);
  }

  /** Returns the directory at a path above the roots or between them. Plans it if it does not exist. */
  #directoryAbove(path: string): PlannedDirectory {
    const directory = this.#above.get(path) ?? this.#findOrPlan(path);
    this.#above.set(path, directory);
    return directory;
  }

  /** Throws `TargetTreeError` for a path that leads through a link of an earlier restore: an archive has chosen its target. */
  #refuseRestoredLink(path: string): void {
    const link = this.#options.restoredLinks.onTheWayTo(path);
    if (link === undefined) return;
    throw new TargetTreeError(
      `${showPath(path)} leads through ${showPath(link)}, a link that an earlier restore of this job has made and that is not followed; remove it or change \`path\``,
    );
  }

  #findOrPlan(path: string): PlannedDirectory {
    this.#refuseRestoredLink(path);
    const stats = statTarget(path, statSync);
    if (stats?.isDirectory()) return this.#existing.add({ path, entry: -1, stats, isFollowed: true });
    if (stats)
      throw new TargetTreeError(
        `${showPath(path)} is not a directory, but the cache has entries below it; remove it or change \`path\``,
      );
    if (dirname(path) === path)
      throw new UnusableArchiveError(
        `it has entries on ${showPath(path)}, a drive or share that this machine does not have`,
      );
    return this.#addFreshIn(this.#directoryAbove(dirname(path)), basename(path), -1);
  }

  /** Plans a new directory. In an existing one it gets a move. */
  #addFreshIn(parent: PlannedDirectory, component: string, entry: number): FreshDirectory {
    if (isFresh(parent)) return this.#addFresh(`${parent.path}/${component}`, entry, parent.index);
    return this.#addFresh(this.#addMove(parent, component, entry), entry, -1);
  }

  #addFresh(path: string, entry: number, parent: number): FreshDirectory {
    const directory = { path, entry, index: this.#fresh.length, parent };
    this.#fresh.push(directory);
    return directory;
  }

  /**
   * Adds the directories above a root to the sweep, up to the workspace or home directory. A killed run that did not find the
   * root has left its staging in one of them.
   */
  #sweepAbove(stored: string): void {
    for (let above = stored; above !== ''; above = parentName(above)) {
      this.#existing.toSweep.add(this.#layout.toAbsolute(above));
    }
  }
}

/**
 * Returns the status of the item at a path. Returns undefined if there is none or the path cannot be resolved. Throws the system's
 * other errors.
 */
function statTarget(path: string, read: typeof statSync | typeof lstatSync): Stats | undefined {
  try {
    return read(fsPath(path), { throwIfNoEntry: false });
  } catch (error) {
    // The plan reports this for the directory above
    if (isUnresolvable(error)) return undefined;
    throw error;
  }
}
