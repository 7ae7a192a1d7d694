import { lstatSync, type Stats, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { TargetTreeError } from '../archive-errors.ts';
import { isUnresolvable, realPathOf } from '../fs/file-status.ts';
import { readMountPoints, refuseMount } from '../fs/mounts.ts';
import { fsPath } from '../fs/names.ts';
import { type Platform, thisPlatform } from '../fs/platform.ts';
import { writeError } from '../fs/tree-errors.ts';
import { listDirectory, requireNameable, requireWritable } from './preflight.ts';
import { removeStaleStaging, STALE_STAGING_MS, StagingArea } from './staging.ts';

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

/** What is known of a directory when it is found. */
export interface FoundDirectory extends Pick<ExistingDirectory, 'path' | 'entry' | 'settled'> {
  readonly stats: Pick<Stats, 'mode' | 'dev'>;
  /** The directory that it stands in, where that was found before and no symlink lies between. */
  readonly parent?: ExistingDirectory;
  /** Default: no. */
  readonly followed?: boolean;
}

export interface FoundDirectoriesOptions {
  /** Names staging: `<run number>-<8 hex digits>` (staging-name.ts). */
  readonly runLabel: string;
  readonly staleStagingMs?: number;
  /** Default: those that the system tells of. */
  readonly mounts?: ReadonlySet<string>;
  readonly platform?: Platform;
}

/**
 * The directories that a restore finds, what stands in them, and where what goes into them is staged. Each is looked at
 * once, and what cannot be done in it is said before anything is.
 */
export class FoundDirectories {
  readonly #options: FoundDirectoriesOptions;
  readonly #platform: Platform;
  readonly #mounts: ReadonlySet<string>;
  readonly #mountParents: ReadonlySet<string>;
  readonly #all: ExistingDirectory[] = [];
  /** Those that something is staged in. */
  readonly #areas: StagingArea[] = [];
  readonly #areaOf = new Map<string, StagingArea>();
  readonly #listings = new Map<ExistingDirectory, Map<string, boolean>>();
  readonly #checked = new Set<ExistingDirectory>();
  readonly #swept = new Set<string>();

  constructor(options: FoundDirectoriesOptions) {
    this.#options = options;
    this.#platform = options.platform ?? thisPlatform;
    this.#mounts = options.mounts ?? readMountPoints();
    this.#mountParents = new Set([...this.#mounts].map(point => dirname(point)));
  }

  /** In the order in which they were found, parents first. */
  get all(): readonly ExistingDirectory[] {
    return this.#all;
  }

  get areas(): readonly StagingArea[] {
    return this.#areas;
  }

  add({ path, entry, settled, stats, parent, followed = false }: FoundDirectory): ExistingDirectory {
    const realPath = parent ? join(parent.realPath, basename(path)) : realPathOf(path);
    const above = this.#areaAbove(realPath, parent);
    // Not every device is mounted: a btrfs subvolume is one of its own, and only Linux tells the mounts
    const area = above?.dev === stats.dev ? above : this.#newArea(path, stats.dev);
    this.#areaOf.set(realPath, area);
    const mode = stats.mode & 0o7777;
    const directory: ExistingDirectory = { path, realPath, area, entry, mode, followed, settled };
    this.#all.push(directory);
    return directory;
  }

  /** What stands under a name in one of them. */
  kindOf(directory: ExistingDirectory, component: string): 'absent' | 'directory' | 'other' {
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

  /** Throws `TargetTreeError` where nothing of this name can be renamed into the directory. Returns the path there. */
  requireRoomFor(directory: ExistingDirectory, component: string): string {
    this.#requireWritable(directory);
    const path = `${directory.path}/${component}`;
    // Neither a directory nor a single file that is a mount point can be replaced by a rename
    if (this.#mountParents.has(directory.realPath) && this.#mounts.has(join(directory.realPath, component)))
      throw mountPointInTheWay(path);
    requireNameable(path, component);
    return path;
  }

  /** Throws `TargetTreeError` for a directory at `path`, in `parent`, that a rename cannot take out of the way. */
  requireMovable(path: string, parent: ExistingDirectory): void {
    const stats = lstatSync(fsPath(path), { throwIfNoEntry: false });
    // Another job that restores the same has taken it out of the way since it was listed
    if (!stats?.isDirectory()) return;
    if (stats.dev !== parent.area.dev) throw mountPointInTheWay(path);
    refuseMount(path, this.#mounts, join(parent.realPath, basename(path)));
    // A directory that moves to another parent has its `..` rewritten: that takes the right to write it
    requireWritable(path, stats);
  }

  /** Removes what killed runs have left in a directory. */
  sweep(directory: string): void {
    if (this.#swept.has(directory)) return;
    this.#swept.add(directory);
    removeStaleStaging(directory, this.#options.staleStagingMs ?? STALE_STAGING_MS);
  }

  /** Once for each directory that something will be renamed into. */
  #requireWritable(directory: ExistingDirectory): void {
    if (this.#checked.has(directory)) return;
    this.#checked.add(directory);
    const stats = statSync(fsPath(directory.path));
    requireWritable(directory.path, stats);
    if (stats.dev !== directory.area.dev) directory.area = this.#newArea(directory.path, stats.dev);
    if (this.#areas.includes(directory.area)) return;
    this.#areas.push(directory.area);
    requireWritable(directory.area.parent, statSync(fsPath(directory.area.parent)));
    this.sweep(directory.area.parent);
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
}

/**
 * Of what is at a path; of a link, what is behind it where that is to be followed. undefined: nothing, or no place that
 * a path leads to. Throws `TargetTreeError` where the system does not tell.
 */
export function targetStatus(path: string, follow: boolean): Stats | undefined {
  try {
    return (follow ? statSync : lstatSync)(fsPath(path), { throwIfNoEntry: false });
  } catch (error) {
    // Below a file or such a link: who looks at the directory above finds that
    if (isUnresolvable(error)) return undefined;
    throw writeError(path, error);
  }
}

function mountPointInTheWay(path: string): TargetTreeError {
  return new TargetTreeError(`${path} is a mount point and cannot be replaced by what the cache has there`);
}
