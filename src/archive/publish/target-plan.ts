import { basename, dirname } from 'node:path';
import { TargetTreeError } from '../archive-errors.ts';
import { type Entry, EntryType, parentName } from '../format/entry.ts';
import type { PathLayout } from '../fs/layout.ts';
import { writeError } from '../fs/tree-errors.ts';
import {
  type ExistingDirectory,
  FoundDirectories,
  type FoundDirectoriesOptions,
  type FoundDirectory,
  targetStatus,
} from './found-directories.ts';
import { PlannedPaths, type StagedPaths } from './staged-paths.ts';
import type { StagingArea } from './staging.ts';

/** A rename that makes something visible. */
export interface Move {
  readonly from: string;
  readonly to: string;
  /** A directory built in staging; else a file or link. */
  readonly tree: boolean;
  /** Index of the entry, or -1 for a directory that the archive does not hold but needs. */
  readonly entry: number;
  readonly parent: ExistingDirectory;
}

/** A directory that is built in staging; visible with the tree it belongs to. */
export interface FreshDirectory {
  readonly path: string;
  /** -1: the archive does not hold it. */
  readonly entry: number;
  /** It is moved by a rename of its own, not inside another. */
  readonly top: boolean;
}

/** Something of the wrong type that has to make room. */
export interface Displacement {
  readonly path: string;
  readonly parent: ExistingDirectory;
  /** It is a directory, and a file or link is to take its place; else the reverse. */
  readonly directory: boolean;
}

/** What a restore will do to the disk; made without changing anything but stale staging. */
export interface TargetPlan {
  readonly areas: readonly StagingArea[];
  /** In order, parents first. */
  readonly fresh: readonly FreshDirectory[];
  readonly existing: readonly ExistingDirectory[];
  /** Things of the wrong type where an entry goes: moved into staging. */
  readonly displaced: readonly Displacement[];
  readonly moves: readonly Move[];
  readonly staged: StagedPaths;
}

export interface PlanOptions extends FoundDirectoriesOptions {
  readonly layout: PathLayout;
  /** false: the entry stands on the disk as it should and is left alone; of a directory that says nothing of what is in it. */
  readonly isWanted?: (entry: number) => boolean;
}

/**
 * Decides for every entry where it is built and which rename publishes it.
 * Throws `TargetTreeError` where the tree cannot be written, before a byte of data is fetched.
 */
export function planTarget(entries: readonly Entry[], options: PlanOptions): TargetPlan {
  const planner = new Planner(entries, options);
  try {
    entries.forEach((entry, index) => {
      planner.add(entry, index);
    });
  } catch (error) {
    const { code, path = '' } = error as NodeJS.ErrnoException;
    throw code === undefined || error instanceof TargetTreeError ? error : writeError(path, error);
  }
  return planner.finish();
}

type Place =
  | { readonly fresh: true; readonly path: string }
  | { readonly fresh: false; readonly directory: ExistingDirectory };

class Planner {
  readonly #layout: PathLayout;
  readonly #options: PlanOptions;
  readonly #found: FoundDirectories;
  readonly #fresh: FreshDirectory[] = [];
  readonly #displaced: Displacement[] = [];
  readonly #moves: Move[] = [];
  readonly #staged: PlannedPaths;
  /** Directories of the archive by stored name. */
  readonly #places = new Map<string, Place>();
  /** Directories above the roots by absolute path. */
  readonly #above = new Map<string, Place>();

  constructor(entries: readonly Entry[], options: PlanOptions) {
    this.#staged = new PlannedPaths(entries);
    this.#layout = options.layout;
    this.#options = options;
    this.#found = new FoundDirectories(options);
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
      // Where a `!` line takes a directory out, something below it may be named again
      if (this.#layout.hasExclusions) this.#above.set(this.#layout.toAbsolute(entry.name), place);
      this.#staged.set(index, place.fresh ? place.path : '');
      return;
    }
    if (this.#isLeftAlone(index)) {
      this.#staged.set(index, '');
      return;
    }
    const target = parent ? undefined : this.#layout.toAbsolute(entry.name);
    const place = parent ?? this.#directoryAbove(dirname(target!));
    if (place.fresh) {
      this.#staged.setInside(index, place.path);
      return;
    }
    const component = target === undefined ? entry.name.slice(parentStored.length) : basename(target);
    this.#staged.set(index, this.#moveFile(place.directory, component, index));
  }

  finish(): TargetPlan {
    return {
      areas: this.#found.areas,
      fresh: this.#fresh,
      existing: this.#found.all,
      displaced: this.#displaced,
      moves: this.#moves,
      staged: this.#staged,
    };
  }

  #isLeftAlone(entry: number): boolean {
    return this.#options.isWanted?.(entry) === false;
  }

  #moveFile(parent: ExistingDirectory, component: string, entry: number): string {
    const to = this.#found.requireRoomFor(parent, component);
    if (this.#found.kindOf(parent, component) === 'directory') this.#displaceDirectory(to, parent);
    const from = parent.area.newFile();
    this.#moves.push({ from, to, tree: false, entry, parent });
    return from;
  }

  #rootDirectory(entry: Entry, index: number): Place {
    const path = this.#layout.toAbsolute(entry.name);
    // A symlink that the step names itself is the user's own arrangement. One that a wildcard finds would have been
    // saved as a link, so an earlier archive may have put it there
    const followed = this.#layout.followsLink(path);
    const stats = targetStatus(path, followed);
    if (stats?.isDirectory()) return this.#exists({ path, entry: index, stats, followed });
    const parent = this.#directoryAbove(dirname(path));
    if (parent.fresh) return this.#freshInside(parent.path, basename(path), index);
    return this.#freshTop(parent.directory, basename(path), index);
  }

  #childDirectory(parent: Place, entry: Entry, index: number, parentStored: string): Place {
    const component = entry.name.slice(parentStored.length, -1);
    if (parent.fresh) return this.#freshInside(parent.path, component, index);
    const path = `${parent.directory.path}/${component}`;
    if (this.#isLeftAlone(index)) {
      // Most directories of a warm restore, not looked at again: the device is found out when something goes in
      const stats = { mode: entry.mode, dev: parent.directory.area.dev };
      return this.#exists({ path, entry: index, stats, parent: parent.directory });
    }
    if (this.#found.kindOf(parent.directory, component) === 'directory') {
      const stats = targetStatus(path, false);
      if (stats?.isDirectory()) return this.#exists({ path, entry: index, stats, parent: parent.directory });
    }
    return this.#freshTop(parent.directory, component, index);
  }

  /** A directory that no entry stands for: above the roots, or between them. */
  #directoryAbove(path: string): Place {
    const known = this.#above.get(path);
    if (known) return known;
    const place = this.#makeAbove(path);
    this.#above.set(path, place);
    return place;
  }

  #makeAbove(path: string): Place {
    const stats = targetStatus(path, true);
    if (stats?.isDirectory()) return this.#exists({ path, entry: -1, stats, followed: true });
    if (stats) throw new TargetTreeError(`${path} is not a directory, but the cache goes below it`);
    const parent = this.#directoryAbove(dirname(path));
    if (parent.fresh) return this.#freshInside(parent.path, basename(path), -1);
    return this.#freshTop(parent.directory, basename(path), -1);
  }

  #exists(found: Omit<FoundDirectory, 'settled'>): Place {
    const settled = found.entry >= 0 && this.#isLeftAlone(found.entry);
    return { fresh: false, directory: this.#found.add({ ...found, settled }) };
  }

  #freshTop(parent: ExistingDirectory, component: string, entry: number): Place {
    const to = this.#found.requireRoomFor(parent, component);
    // A directory that was not there a moment ago is another job's, just published: ours is merged into it
    if (this.#found.kindOf(parent, component) === 'other') this.#displaceOther(to, parent);
    const from = parent.area.newTree();
    this.#fresh.push({ path: from, entry, top: true });
    this.#moves.push({ from, to, tree: true, entry, parent });
    return { fresh: true, path: from };
  }

  #freshInside(parent: string, component: string, entry: number): Place {
    const path = `${parent}/${component}`;
    this.#fresh.push({ path, entry, top: false });
    return { fresh: true, path };
  }

  #displaceOther(path: string, parent: ExistingDirectory): void {
    this.#displaced.push({ path, parent, directory: false });
  }

  #displaceDirectory(path: string, parent: ExistingDirectory): void {
    this.#found.requireMovable(path, parent);
    this.#displaced.push({ path, parent, directory: true });
  }

  /** A killed run that found a root missing staged it in a directory above, up to the workspace or home directory. */
  #sweepAbove(stored: string): void {
    for (let above = stored; above !== ''; above = parentName(above)) {
      this.#found.sweep(this.#layout.toAbsolute(above));
    }
  }
}
