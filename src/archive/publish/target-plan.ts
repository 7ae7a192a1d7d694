import { lstatSync, realpathSync, type Stats, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type Entry, EntryType, parentName } from '../entry.ts';
import { TargetTreeError } from '../errors.ts';
import type { PathLayout } from '../layout.ts';
import { fsPath, printable } from '../names.ts';
import { type Platform, thisPlatform } from '../platform.ts';
import { unwritable } from '../tree-errors.ts';
import { mountPoints, refuseMountIn } from './mounts.ts';
import { listDirectory, requireNameable, requireWritable } from './preflight.ts';
import { PlannedPaths, type StagedPaths } from './staged-paths.ts';
import { removeStaleStaging, STALE_STAGING_MS, StagingArea } from './staging.ts';

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

/** A directory that is there already and stays. */
export interface ExistingDirectory {
  readonly path: string;
  /** The same without symlinks, to compare with mount points. */
  readonly realPath: string;
  /** On the same device. Settled for a directory that something is renamed into, as soon as that is planned. */
  area: StagingArea;
  /** Index of its entry; -1: the archive does not hold it, its mode is not ours to set. */
  readonly entry: number;
  readonly mode: number;
  /** Reached through a symlink that stands at or above a pattern's root: not to be checked against links again. */
  readonly followed: boolean;
  /** Its mode, owner and time are the archive's already. */
  readonly settled: boolean;
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

export interface PlanOptions {
  readonly layout: PathLayout;
  /** Names staging: `<run number>-<8 hex digits>` (staging-name.ts). */
  readonly runLabel: string;
  /** false: the entry stands on the disk as it should and is left alone; of a directory that says nothing of what is in it. */
  readonly isWanted?: (entry: number) => boolean;
  readonly staleStagingMs?: number;
  /** Default: those that the system tells of. */
  readonly mounts?: ReadonlySet<string>;
  readonly platform?: Platform;
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
    throw code === undefined || error instanceof TargetTreeError ? error : unwritable(path, error);
  }
  return planner.finish();
}

type Place =
  | { readonly fresh: true; readonly path: string }
  | { readonly fresh: false; readonly directory: ExistingDirectory };

class Planner {
  readonly #layout: PathLayout;
  readonly #options: PlanOptions;
  readonly #platform: Platform;
  readonly #mounts: ReadonlySet<string>;
  readonly #mountParents: ReadonlySet<string>;
  readonly #areas: StagingArea[] = [];
  readonly #areaOf = new Map<string, StagingArea>();
  readonly #fresh: FreshDirectory[] = [];
  readonly #existing: ExistingDirectory[] = [];
  readonly #displaced: Displacement[] = [];
  readonly #moves: Move[] = [];
  readonly #staged: PlannedPaths;
  /** Directories of the archive by stored name. */
  readonly #places = new Map<string, Place>();
  /** Directories above the roots by absolute path. */
  readonly #above = new Map<string, Place>();
  readonly #listings = new Map<ExistingDirectory, Map<string, boolean>>();
  readonly #checked = new Set<ExistingDirectory>();
  readonly #swept = new Set<string>();

  constructor(entries: readonly Entry[], options: PlanOptions) {
    this.#staged = new PlannedPaths(entries);
    this.#layout = options.layout;
    this.#options = options;
    this.#platform = options.platform ?? thisPlatform;
    this.#mounts = options.mounts ?? mountPoints();
    this.#mountParents = new Set([...this.#mounts].map(point => dirname(point)));
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
      areas: this.#areas,
      fresh: this.#fresh,
      existing: this.#existing,
      displaced: this.#displaced,
      moves: this.#moves,
      staged: this.#staged,
    };
  }

  #isLeftAlone(entry: number): boolean {
    return this.#options.isWanted?.(entry) === false;
  }

  #moveFile(parent: ExistingDirectory, component: string, entry: number): string {
    this.#preflight(parent);
    const to = `${parent.path}/${component}`;
    this.#refuseMount(parent, component);
    requireNameable(to, component);
    if (this.#kindOf(parent, component) === 'directory') this.#displaceDirectory(to, parent);
    const from = parent.area.newFile();
    this.#moves.push({ from, to, tree: false, entry, parent });
    return from;
  }

  #rootDirectory(entry: Entry, index: number): Place {
    const path = this.#layout.toAbsolute(entry.name);
    // A symlink that the step names itself is the user's own arrangement. One that a wildcard finds would have been
    // saved as a link, so an earlier archive may have put it there
    const followed = this.#layout.followsLink(path);
    const stats = followed ? statBehind(path) : statOf(path);
    if (stats?.isDirectory()) return this.#exists(path, index, stats, { followed });
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
      const { dev } = parent.directory.area;
      return this.#exists(path, index, { mode: entry.mode, dev }, { parent: parent.directory });
    }
    if (this.#kindOf(parent.directory, component) === 'directory') {
      const stats = lstatSync(fsPath(path), { throwIfNoEntry: false });
      if (stats?.isDirectory()) return this.#exists(path, index, stats, { parent: parent.directory });
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
    const stats = statBehind(path);
    if (stats?.isDirectory()) return this.#exists(path, -1, stats, { followed: true });
    if (stats)
      throw new TargetTreeError(`${printable(path)} is not a directory, but the cache goes below it`);
    const parent = this.#directoryAbove(dirname(path));
    if (parent.fresh) return this.#freshInside(parent.path, basename(path), -1);
    return this.#freshTop(parent.directory, basename(path), -1);
  }

  #exists(
    path: string,
    entry: number,
    { mode, dev }: Pick<Stats, 'mode' | 'dev'>,
    { parent, followed = false }: { parent?: ExistingDirectory; followed?: boolean },
  ): Place {
    const realPath = parent ? join(parent.realPath, basename(path)) : realpathSync(fsPath(path));
    const above = this.#areaAbove(realPath, parent);
    // Not every device is mounted: a btrfs subvolume is one of its own, and only Linux tells the mounts
    const area = above?.dev === dev ? above : this.#newArea(path, dev);
    this.#areaOf.set(realPath, area);
    const directory: ExistingDirectory = {
      path,
      realPath,
      area,
      entry,
      mode: mode & 0o7777,
      followed,
      settled: entry >= 0 && this.#isLeftAlone(entry),
    };
    this.#existing.push(directory);
    return { fresh: false, directory };
  }

  /** The staging area of the nearest existing directory above that has one, unless a mount point lies between. */
  #areaAbove(realPath: string, parent: ExistingDirectory | undefined): StagingArea | undefined {
    for (let at = realPath; !this.#mounts.has(at); at = dirname(at)) {
      const above = at === realPath ? parent?.area : this.#areaOf.get(at);
      if (above) return above;
      if (dirname(at) === at) return undefined;
    }
    return undefined;
  }

  #newArea(parent: string, dev: number): StagingArea {
    return new StagingArea(parent, dev, this.#options.runLabel);
  }

  #freshTop(parent: ExistingDirectory, component: string, entry: number): Place {
    this.#preflight(parent);
    const to = `${parent.path}/${component}`;
    this.#refuseMount(parent, component);
    requireNameable(to, component);
    // A directory that was not there a moment ago is another job's, just published: ours is merged into it
    if (this.#kindOf(parent, component) === 'other') this.#displaceOther(to, parent);
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
    const stats = lstatSync(fsPath(path));
    if (stats.dev !== parent.area.dev) throw mountPointInTheWay(path);
    refuseMountIn(path, this.#mounts, join(parent.realPath, basename(path)));
    // A directory that moves to another parent has its `..` rewritten: that takes the right to write it
    requireWritable(path, stats);
    this.#displaced.push({ path, parent, directory: true });
  }

  /** Neither a directory nor a single file that is a mount point can be replaced by a rename. */
  #refuseMount(parent: ExistingDirectory, component: string): void {
    if (!this.#mountParents.has(parent.realPath) || !this.#mounts.has(join(parent.realPath, component)))
      return;
    throw mountPointInTheWay(`${parent.path}/${component}`);
  }

  /** What stands under a name in an existing directory. */
  #kindOf(directory: ExistingDirectory, component: string): 'absent' | 'directory' | 'other' {
    if (this.#platform.mayFoldCase || !component.isWellFormed()) {
      const stats = lstatSync(fsPath(`${directory.path}/${component}`), { throwIfNoEntry: false });
      return stats === undefined ? 'absent' : stats.isDirectory() ? 'directory' : 'other';
    }
    let listing = this.#listings.get(directory);
    if (!listing) {
      listing = listDirectory(directory.path);
      this.#listings.set(directory, listing);
    }
    const isDirectory = listing.get(component);
    return isDirectory === undefined ? 'absent' : isDirectory ? 'directory' : 'other';
  }

  /** Once for each directory that something will be renamed into. */
  #preflight(directory: ExistingDirectory): void {
    if (this.#checked.has(directory)) return;
    this.#checked.add(directory);
    const stats = statSync(fsPath(directory.path));
    requireWritable(directory.path, stats);
    if (stats.dev !== directory.area.dev) directory.area = this.#newArea(directory.path, stats.dev);
    if (this.#areas.includes(directory.area)) return;
    this.#areas.push(directory.area);
    requireWritable(directory.area.parent, statSync(fsPath(directory.area.parent)));
    this.#sweep(directory.area.parent);
  }

  /** A killed run that found a root missing staged it in a directory above, up to the workspace or home directory. */
  #sweepAbove(stored: string): void {
    for (let above = stored; above !== ''; above = parentName(above)) {
      this.#sweep(this.#layout.toAbsolute(above));
    }
  }

  #sweep(directory: string): void {
    if (this.#swept.has(directory)) return;
    this.#swept.add(directory);
    removeStaleStaging(directory, this.#options.staleStagingMs ?? STALE_STAGING_MS);
  }
}

/** Of what is at a path, or behind a link there. undefined: nothing, or no place that a path leads to. */
function statBehind(path: string): Stats | undefined {
  return statOf(path, statSync);
}

function statOf(path: string, look: typeof lstatSync = lstatSync): Stats | undefined {
  try {
    return look(fsPath(path), { throwIfNoEntry: false });
  } catch (error) {
    // Below a file: who looks at the directory above finds that file
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') return undefined;
    throw unwritable(path, error);
  }
}

function mountPointInTheWay(path: string): TargetTreeError {
  return new TargetTreeError(
    `${printable(path)} is a mount point and cannot be replaced by what the cache has there`,
  );
}
