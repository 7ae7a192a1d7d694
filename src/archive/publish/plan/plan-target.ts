/** This folder plans a restore: the directories that exist, the place of each entry, and the obstacles. Nothing changes. */

import { basename, dirname } from 'node:path';
import { TargetTreeError, UnusableArchiveError } from '../../archive-errors.ts';
import { type Entry, EntryType, parentName } from '../../format/entry.ts';
import { OpenDirectories } from '../../format/open-directories.ts';
import type { RestoredLinks } from '../../fs/links/restored-links.ts';
import type { PathLayout } from '../../fs/paths/layout.ts';
import { thisPlatform } from '../../fs/platform.ts';
import { showPath, writeError } from '../../fs/tree-errors.ts';
import { forEachInTurns } from '../../turns.ts';
import { ShortPaths } from '../staging/short-path.ts';
import {
  ExistingDirectories,
  type ExistingDirectory,
  type FoundDirectory,
  statTarget,
} from './existing-directories.ts';
import {
  type FreshDirectory,
  type Move,
  type Obstacle,
  StagedPaths,
  type TargetPlan,
} from './target-plan.ts';

export interface PlanOptions {
  readonly layout: PathLayout;
  /** A part of the names of staging directories (`stagingName`). */
  readonly runLabel: string;
  /** Links that earlier restores of the job have made. */
  readonly restoredLinks: RestoredLinks;
  /** Returns false for an entry that is unchanged on the disk; of a directory this covers nothing in it. */
  readonly isWanted: (entry: number) => boolean;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Decides for every entry where it is built and which rename publishes it. Changes nothing, but removes stale staging.
 * Throws `TargetTreeError` if the tree cannot be written, before any data is fetched, `UnusableArchiveError` if this machine
 * has no such drive, and the signal's reason.
 */
export async function planTarget(entries: readonly Entry[], options: PlanOptions): Promise<TargetPlan> {
  const planner = new Planner(entries, options);
  try {
    await forEachInTurns(entries, options.signal, (entry, index) => planner.add(entry, index));
  } catch (error) {
    // The reason of a signal has a code too
    if (options.signal?.aborted) throw error;
    const { code, path = '' } = error as NodeJS.ErrnoException;
    throw code === undefined || error instanceof TargetTreeError ? error : writeError(path, error);
  }
  return planner.finish();
}

type DirectoryPlace = FreshPlace | ExistingPlace;

interface FreshPlace {
  readonly fresh: true;
  readonly path: string;
  /** Index in the plan's list. */
  readonly index: number;
}

interface ExistingPlace {
  readonly fresh: false;
  readonly directory: ExistingDirectory;
}

/** A directory of the archive: its stored name and its place. */
interface OpenPlace {
  readonly name: string;
  readonly place: DirectoryPlace;
}

class Planner {
  readonly #entries: readonly Entry[];
  readonly #layout: PathLayout;
  readonly #options: PlanOptions;
  readonly #existing: ExistingDirectories;
  readonly #fresh: FreshDirectory[] = [];
  readonly #obstacles: Obstacle[] = [];
  readonly #moves: Move[] = [];
  readonly #shortPaths = new ShortPaths();
  readonly #staged: StagedPaths;
  /** Directories of the archive that the next entry may be in. */
  readonly #open = new OpenDirectories<OpenPlace>();
  /** Directories above the roots by absolute path. */
  readonly #above = new Map<string, DirectoryPlace>();

  constructor(entries: readonly Entry[], options: PlanOptions) {
    this.#entries = entries;
    this.#staged = new StagedPaths(entries, this.#shortPaths);
    this.#layout = options.layout;
    this.#options = options;
    this.#existing = new ExistingDirectories(options.runLabel);
  }

  add(entry: Entry, index: number): void {
    const parent = this.#open.parentOf(entry.name);
    if (!parent) this.#sweepAbove(parentName(entry.name));
    if (entry.type === EntryType.directory) {
      const place = parent ? this.#childDirectory(parent, entry, index) : this.#rootDirectory(entry, index);
      this.#open.enter({ name: entry.name, place });
      // A `!` line may exclude a directory while another line names something below it
      if (this.#layout.hasExclusions) this.#above.set(this.#layout.toAbsolute(entry.name), place);
      return;
    }
    if (this.#isUnchanged(index)) return;
    const target = parent ? undefined : this.#layout.toAbsolute(entry.name);
    const place = parent?.place ?? this.#directoryAbove(dirname(target!));
    if (place.fresh) {
      this.#staged.setInside(index, place.path);
      return;
    }
    const component = parent ? entry.name.slice(parent.name.length) : basename(target!);
    this.#staged.set(index, this.#moveFile(place.directory, component, index));
  }

  async finish(): Promise<TargetPlan> {
    return {
      entries: this.#entries,
      areas: this.#existing.areas,
      fresh: this.#fresh,
      existing: this.#existing.all,
      obstacles: this.#obstacles,
      moves: this.#moves,
      staged: this.#staged,
      shortPaths: this.#shortPaths,
      remainingStaging: await this.#existing.sweep(this.#options.signal),
    };
  }

  #isUnchanged(entry: number): boolean {
    return !this.#options.isWanted(entry);
  }

  #moveFile(parent: ExistingDirectory, component: string, entry: number): string {
    const to = this.#existing.requireRenameTarget(parent, component);
    if (this.#existing.kindOf(parent, component) === 'directory') this.#moveAside(to, parent, true);
    const from = parent.area.newFile();
    this.#moves.push({ from, to, isTree: false, entry, parent });
    return from;
  }

  #rootDirectory(entry: Entry, index: number): DirectoryPlace {
    const path = this.#layout.toAbsolute(entry.name);
    // A symlink that the step names itself is the user's own. One that a wildcard finds would have been saved as a
    // link, so an earlier archive may have made it
    const followed = this.#layout.followsLink(path) && !this.#options.restoredLinks.has(path);
    this.#requireOwnWay(followed ? path : dirname(path));
    const stats = statTarget(path, followed);
    if (stats?.isDirectory()) {
      // The last restore may have left files there that were open
      if (thisPlatform.locksOpenFiles) this.#existing.addToSweep(path);
      return this.#exists({ path, entry: index, stats, followed });
    }
    return this.#freshBelow(this.#directoryAbove(dirname(path)), basename(path), index);
  }

  #childDirectory({ name, place: parent }: OpenPlace, entry: Entry, index: number): DirectoryPlace {
    const component = entry.name.slice(name.length, -1);
    if (parent.fresh) return this.#freshBelow(parent, component, index);
    const path = `${parent.directory.path}/${component}`;
    if (this.#isUnchanged(index)) {
      // Most directories of a warm restore: the device is read when something goes in
      const stats = { mode: entry.mode, dev: parent.directory.area.dev };
      return this.#exists({ path, entry: index, stats, parent: parent.directory });
    }
    if (this.#existing.kindOf(parent.directory, component) === 'directory') {
      const stats = statTarget(path, false);
      if (stats?.isDirectory()) return this.#exists({ path, entry: index, stats, parent: parent.directory });
    }
    return this.#freshBelow(parent, component, index);
  }

  /** Returns a directory that has no entry: above the roots, or between them. */
  #directoryAbove(path: string): DirectoryPlace {
    const known = this.#above.get(path);
    if (known) return known;
    const place = this.#makeAbove(path);
    this.#above.set(path, place);
    return place;
  }

  /** Throws `TargetTreeError` for a path that leads through a link of an earlier restore: an archive has chosen its target. */
  #requireOwnWay(path: string): void {
    const link = this.#options.restoredLinks.onTheWayTo(path);
    if (link === undefined) return;
    throw new TargetTreeError(
      `${showPath(path)} leads through ${showPath(link)}, a link that an earlier restore of this job has made and that is not followed; remove it or change \`path\``,
    );
  }

  #makeAbove(path: string): DirectoryPlace {
    this.#requireOwnWay(path);
    const stats = statTarget(path, true);
    if (stats?.isDirectory()) return this.#exists({ path, entry: -1, stats, followed: true });
    if (stats)
      throw new TargetTreeError(
        `${showPath(path)} is not a directory, but the cache has entries below it; remove it or change \`path\``,
      );
    if (dirname(path) === path)
      throw new UnusableArchiveError(
        `it has entries on ${showPath(path)}, a drive or share that this machine does not have`,
      );
    return this.#freshBelow(this.#directoryAbove(dirname(path)), basename(path), -1);
  }

  #exists(found: Omit<FoundDirectory, 'isUnchanged'>): DirectoryPlace {
    const isUnchanged = found.entry >= 0 && this.#isUnchanged(found.entry);
    return { fresh: false, directory: this.#existing.add({ ...found, isUnchanged }) };
  }

  /** Adds a directory in a fresh one, or one that a rename of its own publishes. */
  #freshBelow(place: DirectoryPlace, component: string, entry: number): FreshPlace {
    if (place.fresh)
      return this.#makeFresh({ path: `${place.path}/${component}`, entry, parent: place.index });
    const parent = place.directory;
    const to = this.#existing.requireRenameTarget(parent, component);
    // A directory that did not exist a moment ago is one that another job has published: ours is merged into it
    const kind = this.#existing.kindOf(parent, component);
    if (kind === 'file' || kind === 'other') this.#moveAside(to, parent, false);
    const from = parent.area.newTree();
    this.#moves.push({ from, to, isTree: true, entry, parent });
    return this.#makeFresh({ path: from, entry, parent: -1 });
  }

  #makeFresh(directory: FreshDirectory): FreshPlace {
    return { fresh: true, path: directory.path, index: this.#fresh.push(directory) - 1 };
  }

  #moveAside(path: string, parent: ExistingDirectory, isDirectory: boolean): void {
    if (isDirectory) this.#existing.requireMovable(path, parent);
    this.#obstacles.push({ path, parent, isDirectory });
  }

  /** A killed run whose root was missing staged it in a directory above, up to the workspace or home directory. */
  #sweepAbove(stored: string): void {
    for (let above = stored; above !== ''; above = parentName(above)) {
      this.#existing.addToSweep(this.#layout.toAbsolute(above));
    }
  }
}
