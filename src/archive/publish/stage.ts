import { copyFileSync, lchownSync, linkSync, lutimesSync, mkdirSync, statSync, symlinkSync } from 'node:fs';
import { win32 } from 'node:path';
import { type Entry, EntryType, inodeOf } from '../format/entry.ts';
import { fileTimes } from '../fs/file-times.ts';
import type { PathLayout } from '../fs/layout.ts';
import { encodeName, fsPath } from '../fs/names.ts';
import { linkTypeOf, type Platform, thisPlatform } from '../fs/platform.ts';
import { writeError } from '../fs/tree-errors.ts';
import { applyAttributes } from './attributes.ts';
import type { StagedFiles } from './staged-paths.ts';
import type { TargetPlan } from './target-plan.ts';

/** While a directory is filled, this process must be able to write and search it, whatever its final mode. */
const FILL_MODE = 0o700;

/**
 * Builds in staging everything but files: directories before the files, links and directory attributes after them.
 * Between `open` and `close` the process's umask is 0, so that files are created with their final mode.
 */
export class Stage {
  readonly #plan: TargetPlan;
  readonly #entries: readonly Entry[];
  readonly #directories: DirectoriesAfter;
  readonly #layout: PathLayout;
  readonly #platform: Platform;
  #umask = 0;

  constructor(
    plan: TargetPlan,
    entries: readonly Entry[],
    layout: PathLayout,
    platform: Platform = thisPlatform,
  ) {
    this.#plan = plan;
    this.#entries = entries;
    this.#layout = layout;
    this.#directories = new DirectoriesAfter(entries, layout);
    this.#platform = platform;
  }

  /** Makes the staging areas and the directories in them. Throws `TargetTreeError`. */
  open(): void {
    this.#umask = process.umask(0);
    for (const area of this.#plan.areas) area.create();
    for (const { path, entry } of this.#plan.fresh) {
      const mode = entry < 0 ? 0o777 & ~this.#umask : this.#entries[entry]!.mode | FILL_MODE;
      guarded(path, () => mkdirSync(fsPath(path), mode));
    }
  }

  /** Paths for the files. Call it after `open`. */
  get files(): StagedFiles {
    return { paths: this.#plan.staged, masksModes: this.#plan.areas.some(area => area.masksModes) };
  }

  /** Makes symlinks and hard links. The files that hard links point to must exist. Throws `TargetTreeError`. */
  addLinks(): void {
    this.#entries.forEach((entry, index) => {
      if (entry.type !== EntryType.symlink && entry.type !== EntryType.hardLink) return;
      const path = this.#plan.staged.at(index)!;
      if (path === '') return;
      const inode = inodeOf(entry, this.#entries);
      if (inode.type === EntryType.file) guarded(path, () => this.#hardLink(path, entry.linkTo));
      else if (entry === inode || !this.#joinSymlinks(path, entry.linkTo))
        guarded(path, () => this.#symlink(path, { ...inode, name: entry.name }));
    });
  }

  /** Sets modes, owners and times of the staged directories, deepest first. Top ones stay writable for their rename. */
  finishDirectories(): void {
    for (const { path, entry, isTop } of this.#plan.fresh.toReversed()) {
      if (entry < 0) continue;
      const { mode, ...rest } = this.#entries[entry]!;
      const attributes = { ...rest, mode: isTop ? mode | FILL_MODE : mode };
      guarded(path, () => applyAttributes(path, attributes, this.#platform));
    }
  }

  /** Resets the umask. */
  close(): void {
    process.umask(this.#umask);
  }

  /** Removes all staging before a commit: the tree is as it was. Never throws, because an error is being handled. */
  discard(): void {
    for (const area of this.#plan.areas) {
      try {
        area.discard();
      } catch {
        // A later restore removes the rest
      }
    }
  }

  #symlink(path: string, entry: Entry): void {
    const target = entry.target.isWellFormed() ? entry.target : encodeName(entry.target);
    symlinkSync(target, fsPath(path), this.#platform.typesLinks ? this.#linkType(entry) : null);
    if (this.#platform.keepsOwners && entry.uid >= 0) lchownSync(fsPath(path), entry.uid, entry.gid);
    lutimesSync(fsPath(path), Date.now() / 1000, fileTimes.toSeconds(entry));
  }

  /** Makes a hard link to a symlink. Returns false where the system refuses it: another symlink has the same content. */
  #joinSymlinks(path: string, linkTo: number): boolean {
    if (!this.#platform.joinsSymlinks) return false;
    try {
      linkSync(fsPath(this.#plan.staged.at(linkTo)!), fsPath(path));
      return true;
    } catch {
      return false;
    }
  }

  #linkType({ name, target }: Entry): 'file' | 'dir' | 'junction' {
    return linkTypeOf(target, this.#layout.toAbsolute(name), path => this.#directories.has(path));
  }

  #hardLink(path: string, linkTo: number): void {
    const source = this.#plan.staged.at(linkTo)!;
    try {
      linkSync(fsPath(source), fsPath(path));
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? '';
      // Two roots on two file systems here, or a file system without hard links: a copy has the same content
      if (!['EXDEV', 'EPERM', 'EMLINK', 'ENOTSUP', 'ENOSYS'].includes(code)) throw error;
      copyFileSync(fsPath(source), fsPath(path));
      applyAttributes(path, this.#entries[linkTo]!, this.#platform);
    }
  }
}

function guarded(path: string, change: () => void): void {
  try {
    change();
  } catch (error) {
    throw writeError(path, error);
  }
}

/** Paths that will be directories after the restore. Only Windows needs them: its symlinks have a type. */
class DirectoriesAfter {
  readonly #entries: readonly Entry[];
  readonly #layout: PathLayout;
  #archived: ReadonlySet<string> | undefined;

  constructor(entries: readonly Entry[], layout: PathLayout) {
    this.#entries = entries;
    this.#layout = layout;
  }

  /** Whether an absolute path is a directory of the archive or on the disk. */
  has(path: string): boolean {
    this.#archived ??= this.#collect();
    if (this.#archived.has(comparable(path))) return true;
    try {
      return statSync(fsPath(path), { throwIfNoEntry: false })?.isDirectory() ?? false;
    } catch {
      // No right to search, or a drive that does not respond
      return false;
    }
  }

  #collect(): ReadonlySet<string> {
    const directories = this.#entries.filter(({ type }) => type === EntryType.directory);
    return new Set(directories.map(({ name }) => comparable(this.#layout.toAbsolute(name))));
  }
}

/** NTFS folds case. */
function comparable(path: string): string {
  return win32.resolve(path).toLowerCase();
}
