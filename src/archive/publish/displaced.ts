import { lstatSync, writeFileSync } from 'node:fs';
import { isRealDirectory } from '../fs/file-status.ts';
import { ignoreErrors } from '../fs/ignore-errors.ts';
import { refuseMount } from '../fs/mounts.ts';
import { fsPath } from '../fs/names.ts';
import { rename } from '../fs/rename.ts';
import { grantWrite } from '../fs/writable.ts';
import { applyAttributes, attributesOfDirectory, type DirectoryAttributes } from './directory-attributes.ts';
import type { ExistingDirectory } from './found-directories.ts';
import { moveBack, moveDirectory } from './move-directory.ts';

/** A directory that things are published in, and the staging that what is in their way goes into. */
export type TargetDirectory = Pick<ExistingDirectory, 'path' | 'area'>;

/** Something that stands in staging instead of where it was. */
export interface Aside {
  readonly path: string;
  /** Where it is now. */
  readonly aside: string;
  readonly parent: TargetDirectory;
  /** A directory's, before anything was done to it. */
  readonly attributes: DirectoryAttributes | undefined;
  /** Only some of it is there: what was begun could neither be ended nor undone. */
  readonly isPart: boolean;
}

/**
 * Things of another type that stood where an entry goes. They go with the staging that they are moved into.
 *
 * Another job may publish the right thing in their place at any moment, and that must not be moved: so each move is a
 * call that the system itself refuses when the type has changed, never a look and then a move.
 */
export class Displaced {
  readonly #moves: Aside[] = [];

  /** The directories that something was moved out of. */
  get parents(): ReadonlySet<string> {
    return new Set(this.#moves.map(({ parent }) => parent.path));
  }

  /**
   * Moves a directory out of the way of a file or link. It may be gone or replaced by now.
   * Throws `TargetTreeError` when something is mounted in it, and the system's errors.
   */
  takeDirectory(path: string, parent: TargetDirectory): void {
    const attributes = attributesOfDirectory(path);
    if (!attributes) return;
    refuseMount(path);
    const aside = parent.area.newTree();
    // A directory that moves to another parent has its `..` rewritten: that takes the right to write it
    grantWrite(path);
    try {
      moveDirectory(parent.path, path, aside);
      this.#moves.push({ path, aside, parent, attributes, isPart: false });
    } catch (error) {
      if (isThere(aside)) this.#moves.push({ path, aside, parent, attributes, isPart: true });
      if (!isRealDirectory(path)) return;
      ignoreErrors(() => applyAttributes(path, attributes));
      throw error;
    }
  }

  /** Moves a file or link out of the way of a directory. It may be gone or replaced by now. */
  takeOther(path: string, parent: TargetDirectory): void {
    const aside = parent.area.newTree();
    // A directory is not renamed over a file
    writeFileSync(fsPath(aside), '');
    try {
      rename(parent.path, path, aside);
    } catch (error) {
      if (isThere(path) && !isRealDirectory(path)) throw error;
      return;
    }
    // Except on Windows
    if (isRealDirectory(aside)) moveBack(aside, parent.path, path);
    else this.#moves.push({ path, aside, parent, attributes: undefined, isPart: false });
  }

  /** What could not be replaced comes back. Returns what could not come back either. Never throws. */
  putBack(): readonly Aside[] {
    return this.#moves.toReversed().filter(move => !isBack(move));
  }
}

function isBack({ path, aside, parent, attributes, isPart }: Aside): boolean {
  if (isPart) return false;
  try {
    // It was replaced after all
    if (isThere(path)) return true;
    moveBack(aside, parent.path, path);
    if (attributes) applyAttributes(path, attributes);
    return true;
  } catch {
    // Gone where it stood, perhaps; it is safe where it is
    return false;
  }
}

function isThere(path: string): boolean {
  return lstatSync(fsPath(path), { throwIfNoEntry: false }) !== undefined;
}
