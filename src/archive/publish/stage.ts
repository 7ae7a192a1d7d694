import { copyFileSync, lchownSync, linkSync, lutimesSync, mkdirSync, symlinkSync } from 'node:fs';
import { type Entry, EntryType } from '../format/entry.ts';
import type { PathLayout } from '../fs/layout.ts';
import { encodeName, fsPath } from '../fs/names.ts';
import { linkTypeOf, type Platform, thisPlatform, toFileTime } from '../fs/platform.ts';
import { writeError } from '../fs/tree-errors.ts';
import { ArchivedDirectories } from './archived-directories.ts';
import { applyAttributes } from './directory-attributes.ts';
import type { StagedFiles } from './staged-paths.ts';
import type { TargetPlan } from './target-plan.ts';

/** Directories that are being filled must be ours to write and search, whatever mode they end with. */
const FILL_MODE = 0o700;

/**
 * What a restore builds in staging besides files: directories before them, links and the attributes of directories
 * after. Between `open` and `close` the process's umask is 0, so that files are created with their final mode.
 */
export class Stage {
  readonly #plan: TargetPlan;
  readonly #entries: readonly Entry[];
  readonly #layout: PathLayout;
  readonly #directories: ArchivedDirectories;
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
    this.#directories = new ArchivedDirectories(entries, layout);
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

  /** Where the files go; after `open`. */
  get files(): StagedFiles {
    return { paths: this.#plan.staged, masksModes: this.#plan.areas.some(area => area.masksModes) };
  }

  /** Symlinks and hard links; the files that hard links point to must be there. */
  addLinks(): void {
    this.#entries.forEach((entry, index) => {
      if (entry.type !== EntryType.symlink && entry.type !== EntryType.hardLink) return;
      const path = this.#plan.staged.at(index)!;
      if (path === '') return;
      if (entry.type === EntryType.symlink) guarded(path, () => this.#symlink(path, entry));
      else guarded(path, () => this.#hardLink(path, entry.linkTo));
    });
  }

  /** Modes, owners and times of the staged directories, deepest first. The tops stay writable for their rename. */
  finishDirectories(): void {
    for (const { path, entry, top } of this.#plan.fresh.toReversed()) {
      if (entry < 0) continue;
      const { mode, ...rest } = this.#entries[entry]!;
      const attributes = { ...rest, mode: top ? mode | FILL_MODE : mode };
      guarded(path, () => applyAttributes(path, attributes, this.#platform));
    }
  }

  /** Gives the umask back. */
  close(): void {
    process.umask(this.#umask);
  }

  /** Removes everything of ours from before a commit: the tree is as it was. Never throws: an error is on its way. */
  discard(): void {
    for (const area of this.#plan.areas) {
      try {
        area.discard();
      } catch {
        // What is left is staging: a later restore removes it
      }
    }
  }

  #symlink(path: string, entry: Entry): void {
    const target = entry.target.isWellFormed() ? entry.target : encodeName(entry.target);
    symlinkSync(target, fsPath(path), this.#platform.typesLinks ? this.#linkType(entry) : null);
    if (this.#platform.keepsOwners && entry.uid >= 0) lchownSync(fsPath(path), entry.uid, entry.gid);
    lutimesSync(fsPath(path), Date.now() / 1000, toFileTime(entry.mtimeUs));
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
      // Two roots on two file systems here, or a file system without links: a copy is what can be had
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
