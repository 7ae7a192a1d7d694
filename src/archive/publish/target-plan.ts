/** This folder makes restored files visible, on the main thread: a plan, staging directories, and a commit of renames. */

import { basename, dirname } from 'node:path';
import { TargetTreeError } from '../archive-errors.ts';
import { type Entry, EntryType, parentName } from '../format/entry.ts';
import { forEachInTurns } from '../format/turns.ts';
import type { PathLayout } from '../fs/layout.ts';
import type { RestoredLinks } from '../fs/restored-links.ts';
import { writeError } from '../fs/tree-errors.ts';
import {
  ExistingDirectories,
  type ExistingDirectoriesOptions,
  type ExistingDirectory,
  type FoundDirectory,
  statTarget,
} from './existing-directories.ts';
import { requireUsablePath, ShortPaths } from './short-path.ts';
import { PlannedPaths, type StagedPaths } from './staged-paths.ts';
import type { StagingArea } from './staging-area.ts';
import type { RemainingStaging } from './stale-staging.ts';

/** A rename that makes something visible. */
export interface Move {
  readonly from: string;
  readonly to: string;
  /** A directory built in staging; else a file or link. */
  readonly isTree: boolean;
  /** Index of the entry, or -1 for a directory that the archive does not hold but needs. */
  readonly entry: number;
  readonly parent: ExistingDirectory;
}

/** A directory that is built in staging and becomes visible with its tree. */
export interface FreshDirectory {
  readonly path: string;
  /** Index of its entry; -1 if the archive does not hold it. */
  readonly entry: number;
  /** It is moved by a rename of its own, not inside another directory. */
  readonly isTop: boolean;
}

/** An item of another type where an entry goes: it is moved into staging. */
export interface Obstacle {
  readonly path: string;
  readonly parent: ExistingDirectory;
  /** True for a directory where a file or link goes, false for the reverse. */
  readonly isDirectory: boolean;
}

/** The changes that a restore will make to the disk. Making the plan changes nothing, but removes stale staging. */
export interface TargetPlan {
  readonly areas: readonly StagingArea[];
  /** In order, parents first. */
  readonly fresh: readonly FreshDirectory[];
  readonly existing: readonly ExistingDirectory[];
  readonly obstacles: readonly Obstacle[];
  readonly moves: readonly Move[];
  readonly staged: StagedPaths;
  readonly shortPaths: ShortPaths;
  readonly remainingStaging: readonly RemainingStaging[];
}

export interface PlanOptions extends ExistingDirectoriesOptions {
  readonly layout: PathLayout;
  /** Links that earlier restores of the job have made. */
  readonly restoredLinks: RestoredLinks;
  /** Returns false for an entry that is unchanged on the disk; of a directory this covers nothing in it. */
  readonly isWanted?: (entry: number) => boolean;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Decides for every entry where it is built and which rename publishes it.
 * Throws `TargetTreeError` if the tree cannot be written, before any data is fetched, and the signal's reason.
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

/** Returns the path that an item in staging will have after the commit, or the path itself if it is in no move. */
export function finalPathOf(path: string, { moves, shortPaths }: TargetPlan): string {
  const staged = shortPaths.expand(path);
  const move = moves.find(({ from }) => staged === from || staged.startsWith(`${from}/`));
  return move ? move.to + staged.slice(move.from.length) : path;
}

type DirectoryPlace = FreshPlace | ExistingPlace;

interface FreshPlace {
  readonly fresh: true;
  readonly path: string;
  /** Its path after the commit. */
  readonly finalPath: string;
}

interface ExistingPlace {
  readonly fresh: false;
  readonly directory: ExistingDirectory;
}

class Planner {
  readonly #layout: PathLayout;
  readonly #options: PlanOptions;
  readonly #existing: ExistingDirectories;
  readonly #fresh: FreshDirectory[] = [];
  readonly #obstacles: Obstacle[] = [];
  readonly #moves: Move[] = [];
  readonly #shortPaths = new ShortPaths();
  readonly #staged: PlannedPaths;
  /** Directories of the archive by stored name. */
  readonly #places = new Map<string, DirectoryPlace>();
  /** Directories above the roots by absolute path. */
  readonly #above = new Map<string, DirectoryPlace>();

  constructor(entries: readonly Entry[], options: PlanOptions) {
    this.#staged = new PlannedPaths(entries, this.#shortPaths);
    this.#layout = options.layout;
    this.#options = options;
    this.#existing = new ExistingDirectories(options);
  }

  add(entry: Entry, index: number): void {
    const parentStored = parentName(entry.name);
    const parent = this.#places.get(parentStored);
    if (!parent) this.#sweepAbove(parentStored);
    if (entry.type === EntryType.directory) {
      const place = parent
        ? this.#childDirectory(parent, entry, index, parentStored)
        : this.#rootDirectory(entry, index);
      this.#places.set(entry.name, place);
      // A `!` line may exclude a directory while another line names something below it
      if (this.#layout.hasExclusions) this.#above.set(this.#layout.toAbsolute(entry.name), place);
      this.#staged.set(index, place.fresh ? place.path : '');
      return;
    }
    if (this.#isUnchanged(index)) {
      this.#staged.set(index, '');
      return;
    }
    const target = parent ? undefined : this.#layout.toAbsolute(entry.name);
    const place = parent ?? this.#directoryAbove(dirname(target!));
    const component = target === undefined ? entry.name.slice(parentStored.length) : basename(target);
    if (place.fresh) {
      requireUsablePath(`${place.finalPath}/${component}`);
      this.#staged.setInside(index, place.path);
      return;
    }
    this.#staged.set(index, this.#moveFile(place.directory, component, index));
  }

  finish(): TargetPlan {
    return {
      areas: this.#existing.areas,
      fresh: this.#fresh,
      existing: this.#existing.all,
      obstacles: this.#obstacles,
      moves: this.#moves,
      staged: this.#staged,
      shortPaths: this.#shortPaths,
      remainingStaging: this.#existing.remaining,
    };
  }

  #isUnchanged(entry: number): boolean {
    return this.#options.isWanted?.(entry) === false;
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
    if (stats?.isDirectory()) return this.#exists({ path, entry: index, stats, followed });
    const parent = this.#directoryAbove(dirname(path));
    if (parent.fresh) return this.#freshInside(parent, basename(path), index);
    return this.#freshTop(parent.directory, basename(path), index);
  }

  #childDirectory(parent: DirectoryPlace, entry: Entry, index: number, parentStored: string): DirectoryPlace {
    const component = entry.name.slice(parentStored.length, -1);
    if (parent.fresh) return this.#freshInside(parent, component, index);
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
    return this.#freshTop(parent.directory, component, index);
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
      `${path} leads through ${link}, a link that an earlier restore of this job has made and that is not followed; remove it or change \`path\``,
    );
  }

  #makeAbove(path: string): DirectoryPlace {
    this.#requireOwnWay(path);
    const stats = statTarget(path, true);
    if (stats?.isDirectory()) return this.#exists({ path, entry: -1, stats, followed: true });
    if (stats) throw new TargetTreeError(`${path} is not a directory, but the cache goes below it`);
    const parent = this.#directoryAbove(dirname(path));
    if (parent.fresh) return this.#freshInside(parent, basename(path), -1);
    return this.#freshTop(parent.directory, basename(path), -1);
  }

  #exists(found: Omit<FoundDirectory, 'isUnchanged'>): DirectoryPlace {
    const isUnchanged = found.entry >= 0 && this.#isUnchanged(found.entry);
    return { fresh: false, directory: this.#existing.add({ ...found, isUnchanged }) };
  }

  #freshTop(parent: ExistingDirectory, component: string, entry: number): DirectoryPlace {
    const to = this.#existing.requireRenameTarget(parent, component);
    // A directory that did not exist a moment ago is one that another job has published: ours is merged into it
    const kind = this.#existing.kindOf(parent, component);
    if (kind === 'file' || kind === 'other') this.#moveAside(to, parent, false);
    const from = parent.area.newTree();
    this.#fresh.push({ path: from, entry, isTop: true });
    this.#moves.push({ from, to, isTree: true, entry, parent });
    return { fresh: true, path: from, finalPath: to };
  }

  #freshInside(parent: FreshPlace, component: string, entry: number): DirectoryPlace {
    const path = `${parent.path}/${component}`;
    const finalPath = `${parent.finalPath}/${component}`;
    requireUsablePath(finalPath);
    this.#fresh.push({ path, entry, isTop: false });
    return { fresh: true, path, finalPath };
  }

  #moveAside(path: string, parent: ExistingDirectory, isDirectory: boolean): void {
    if (isDirectory) this.#existing.requireMovable(path, parent);
    this.#obstacles.push({ path, parent, isDirectory });
  }

  /** A killed run whose root was missing staged it in a directory above, up to the workspace or home directory. */
  #sweepAbove(stored: string): void {
    for (let above = stored; above !== ''; above = parentName(above)) {
      this.#existing.sweep(this.#layout.toAbsolute(above));
    }
  }
}
