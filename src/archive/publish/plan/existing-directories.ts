import { type Stats, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { TargetTreeError } from '../../archive-errors.ts';
import { lstat, realPathOf } from '../../fs/file-status.ts';
import { readMounts, refuseMount } from '../../fs/mounts.ts';
import { fsPath } from '../../fs/paths/names.ts';
import { thisPlatform } from '../../fs/platform.ts';
import { StagingArea } from '../staging/staging-area.ts';
import { type RemainingStaging, removeStaleStaging } from '../staging/stale-staging.ts';
import {
  createReplacementCheck,
  type ItemKind,
  itemKind,
  listDirectory,
  type ReplacementCheck,
  requireNameable,
  requireNotAppendOnly,
  requireWritable,
} from './preflight.ts';

/** A directory that exists before a restore and stays. */
export interface ExistingDirectory {
  readonly path: string;
  /** The same path without symlinks, to compare with mount points. */
  readonly realPath: string;
  /**
   * Staging area for the renames into it, on its device. An unchanged directory has its parent's area until the first rename
   * into it, because its device is not read before.
   */
  area: StagingArea;
  /** Index of its entry; -1 if it has none, and its mode stays. */
  readonly entry: number;
  readonly mode: number;
  /** Whether it was reached through a symlink at or above a pattern's root, which the commit follows too. */
  readonly isFollowed: boolean;
  /** Whether it has the mode, owner and time of its entry already. */
  readonly isUnchanged: boolean;
}

export interface ExistingOptions {
  /** A part of the names of staging directories (`stagingName`). */
  readonly runLabel: string;
  /** Returns false for an entry that is unchanged on the disk. The entries in an unchanged directory may have changed. */
  readonly isWanted: (entry: number) => boolean;
}

/** Facts about an existing directory that the plan has found. */
interface FoundDirectory extends Pick<ExistingDirectory, 'path' | 'entry'> {
  readonly stats: Pick<Stats, 'mode' | 'dev'>;
  /** The parent, if it was found before and no symlink is between them. */
  readonly parent?: ExistingDirectory;
  /** As in `ExistingDirectory`. Default: false. */
  readonly isFollowed?: boolean;
}

/**
 * The existing directories that a restore writes into, the names in them, and the staging area for each. Each directory is
 * read once. Everything that would make a rename fail is found here, before anything changes.
 */
export class ExistingDirectories {
  readonly #options: ExistingOptions;
  readonly #mounts = readMounts();
  readonly #mountParents = new Set(Array.from(this.#mounts.keys(), point => dirname(point)));
  /** All directories that were added, parents first. */
  readonly all: ExistingDirectory[] = [];
  /** Staging areas of the directories that something will be renamed into. */
  readonly areas: StagingArea[] = [];
  readonly #areaOf = new Map<string, StagingArea>();
  readonly #listings = new Map<ExistingDirectory, Map<string, ItemKind>>();
  /** Checks of the directories that something will be renamed into. */
  readonly #checks = new Map<ExistingDirectory, ReplacementCheck>();
  /** Directories from which `sweep` removes staging of killed runs. */
  readonly toSweep = new Set<string>();

  constructor(options: ExistingOptions) {
    this.#options = options;
  }

  /** Adds a directory, after its parents. Throws the system's error if its path cannot be resolved. */
  add({ path, entry, stats, parent, isFollowed = false }: FoundDirectory): ExistingDirectory {
    const { runLabel, isWanted } = this.#options;
    const realPath = parent ? join(parent.realPath, basename(path)) : realPathOf(path);
    const above = this.#areaAbove(realPath, parent);
    // A btrfs subvolume has a device of its own but is no mount point, and only Linux lists mount points
    const area = above?.dev === stats.dev ? above : new StagingArea(path, stats.dev, runLabel);
    this.#areaOf.set(realPath, area);
    const mode = stats.mode & 0o7777;
    const isUnchanged = entry >= 0 && !isWanted(entry);
    const directory: ExistingDirectory = { path, realPath, area, entry, mode, isFollowed, isUnchanged };
    this.all.push(directory);
    return directory;
  }

  /** Returns the type of the item with this name in the directory, or undefined if there is none. */
  kindOf(directory: ExistingDirectory, component: string): ItemKind | undefined {
    if (thisPlatform.mayFoldCase || !component.isWellFormed()) {
      const stats = lstat(`${directory.path}/${component}`);
      return stats && itemKind(stats);
    }
    return this.#listingOf(directory).get(component);
  }

  /**
   * Returns the path of `component` in a directory, and the type of the item there, if there is one. Throws `TargetTreeError` if
   * nothing can be renamed to it.
   */
  requireRenameTarget(
    directory: ExistingDirectory,
    component: string,
  ): { readonly path: string; readonly kind: ItemKind | undefined } {
    const requireReplaceable = this.#requireRenamesInto(directory);
    const path = `${directory.path}/${component}`;
    // A rename replaces no mount point, whether directory or single file
    if (this.#mountParents.has(directory.realPath) && this.#mounts.has(join(directory.realPath, component)))
      throw mountPointInTheWay(path);
    requireNameable(path, component);
    const kind = this.kindOf(directory, component);
    if (kind !== undefined) requireReplaceable(path, kind);
    return { path, kind };
  }

  /** Throws `TargetTreeError` for a directory at `path`, in `parent`, that a rename cannot move out of the way. */
  requireMovable(path: string, parent: ExistingDirectory): void {
    const stats = lstat(path);
    // Another job that restores the same cache has moved it away since it was listed
    if (!stats?.isDirectory()) return;
    if (stats.dev !== parent.area.dev) throw mountPointInTheWay(path);
    refuseMount(path, this.#mounts, join(parent.realPath, basename(path)));
    // A move to another parent rewrites the directory's `..`, which needs the right to write the directory
    requireWritable(path, stats);
  }

  /** Removes staging of killed runs. Returns what remains. Throws only the signal's reason. */
  async sweep(signal: AbortSignal | undefined): Promise<readonly RemainingStaging[]> {
    const remaining: RemainingStaging[] = [];
    for (const directory of this.toSweep) remaining.push(...(await removeStaleStaging(directory, signal)));
    return remaining;
  }

  #listingOf(directory: ExistingDirectory): ReadonlyMap<string, ItemKind> {
    const listing = this.#listings.get(directory) ?? listDirectory(directory.path);
    this.#listings.set(directory, listing);
    return listing;
  }

  /** Checks a directory that something will be renamed into, once, and adds its area. Returns the check for the items in it. */
  #requireRenamesInto(directory: ExistingDirectory): ReplacementCheck {
    const known = this.#checks.get(directory);
    if (known) return known;
    const stats = statSync(fsPath(directory.path));
    requireWritable(directory.path, stats);
    requireNotAppendOnly(directory.path, stats, () => this.#listingOf(directory));
    const check = createReplacementCheck(directory.path, stats);
    this.#checks.set(directory, check);
    if (stats.dev !== directory.area.dev)
      directory.area = new StagingArea(directory.path, stats.dev, this.#options.runLabel);
    if (this.areas.includes(directory.area)) return check;
    this.areas.push(directory.area);
    requireWritable(directory.area.parent, statSync(fsPath(directory.area.parent)));
    this.toSweep.add(directory.area.parent);
    return check;
  }

  /** Returns the staging area of the nearest existing directory above, unless a mount point is between them. */
  #areaAbove(realPath: string, parent: ExistingDirectory | undefined): StagingArea | undefined {
    for (let at = realPath; !this.#mounts.has(at); at = dirname(at)) {
      const above = at === realPath ? parent?.area : this.#areaOf.get(at);
      if (above) return above;
      if (dirname(at) === at) return undefined;
    }
    return undefined;
  }
}

function mountPointInTheWay(path: string): TargetTreeError {
  return new TargetTreeError(
    `${path} is a mount point and cannot be replaced by the entry in the cache; change the mount or \`path\``,
  );
}
