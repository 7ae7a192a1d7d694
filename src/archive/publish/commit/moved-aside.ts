import { writeFileSync } from 'node:fs';
import { isRealDirectory, lstat } from '../../fs/file-status.ts';
import { refuseMount } from '../../fs/mounts.ts';
import { fsPath } from '../../fs/paths/names.ts';
import { rename, tryRename } from '../../fs/rename.ts';
import { forEachInTurns } from '../../turns.ts';
import type { ExistingDirectory } from '../plan/existing-directories.ts';
import { moveBack, moveDirectory } from './move-directory.ts';

/** A directory that entries are published in, and the staging area for the items in their way. */
export type TargetDirectory = Pick<ExistingDirectory, 'path' | 'area'>;

/** A file, link or directory that was moved into staging. */
export interface AsideItem {
  /** The path that it was moved from. */
  readonly path: string;
  /** Path in staging. */
  readonly aside: string;
  readonly parent: TargetDirectory;
  /** Whether only a part of a directory was moved: the move could neither be completed nor undone. */
  readonly isPart: boolean;
}

/**
 * Items that were in the way of an entry: of another type, or in use. They are removed with the staging that they are moved
 * into.
 *
 * Another job may publish an item of the right type in their place at any moment, and that must not be moved. So each move
 * is one call that the system refuses if the type has changed, not a check followed by a move.
 */
export class MovedAside {
  readonly #items: AsideItem[] = [];

  /** Paths of the directories that something was moved out of. */
  get parents(): ReadonlySet<string> {
    return new Set(this.#items.map(({ parent }) => parent.path));
  }

  /**
   * Moves a directory out of the way of a file or link. Does nothing if it was removed or replaced meanwhile.
   * Throws `TargetTreeError` when something is mounted in it, and the system's errors.
   */
  moveDirectoryAside(path: string, parent: TargetDirectory): void {
    if (!isRealDirectory(path)) return;
    refuseMount(path);
    const aside = parent.area.reserveTree();
    try {
      moveDirectory(parent.path, path, aside);
      this.#items.push({ path, aside, parent, isPart: false });
    } catch (error) {
      if (isPresent(aside)) this.#items.push({ path, aside, parent, isPart: true });
      if (isRealDirectory(path)) throw error;
    }
  }

  /** Moves a file or link out of the way of a directory. Does nothing if it was removed or replaced meanwhile. */
  moveFileAside(path: string, parent: TargetDirectory): void {
    const aside = parent.area.reserveTree();
    // The system renames no directory over a file
    writeFileSync(fsPath(aside), '');
    try {
      rename(parent.path, path, aside);
    } catch (error) {
      if (isPresent(path) && !isRealDirectory(path)) throw error;
      return;
    }
    this.#addFile(path, aside, parent);
  }

  /**
   * Moves a file out of the way of another that cannot replace it, because a process has it open or runs it. Returns whether it
   * has moved it. Throws the system's error if a directory was in its place, and cannot be moved back.
   */
  tryMoveInUseAside(path: string, parent: TargetDirectory): boolean {
    const aside = parent.area.reserveTree();
    if (!tryRename(path, aside)) return false;
    this.#addFile(path, aside, parent);
    return true;
  }

  #addFile(path: string, aside: string, parent: TargetDirectory): void {
    // Windows does rename a directory over a file
    if (isRealDirectory(aside)) moveBack(aside, parent.path, path);
    else this.#items.push({ path, aside, parent, isPart: false });
  }

  /** Moves items back that were not replaced. Returns those that could not be moved back. Never throws. */
  async putBack(): Promise<readonly AsideItem[]> {
    const kept: AsideItem[] = [];
    await forEachInTurns(this.#items.toReversed(), undefined, item => {
      if (!tryPutBack(item)) kept.push(item);
    });
    return kept;
  }
}

function tryPutBack({ path, aside, parent, isPart }: AsideItem): boolean {
  if (isPart) return false;
  try {
    // If its path is taken, it was replaced
    if (!isPresent(path)) moveBack(aside, parent.path, path);
    return true;
  } catch {
    // Its parent may have been removed. The item is safe in staging
    return false;
  }
}

function isPresent(path: string): boolean {
  return lstat(path) !== undefined;
}
