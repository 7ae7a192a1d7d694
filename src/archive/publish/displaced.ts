import { linkSync, lstatSync, readlinkSync, renameSync, symlinkSync, unlinkSync } from 'node:fs';
import { fsPath } from '../names.ts';
import type { StagingArea } from './staging.ts';
import { giveWrite, makeWritable } from './writable.ts';

/**
 * Things of another type that stood where an entry goes. They go with the staging that they are moved into.
 *
 * Another job may publish the right thing in their place at any moment, and that must not be moved: so each move is a
 * call that the system itself refuses when the type has changed, never a look and then a move.
 */
export class Displaced {
  readonly #moves: { readonly path: string; readonly aside: string; readonly parent: string }[] = [];

  /** Moves a directory out of the way of a file or link. It may be gone or replaced by now. */
  takeDirectory(path: string, parent: string, area: StagingArea): void {
    const aside = area.newTree();
    // A directory that moves to another parent has its `..` rewritten: that takes the right to write it
    if (isDirectory(path)) giveWrite(path);
    try {
      // With the slash, only a directory is renamed
      makeWritable(parent, () => renameSync(fsPath(`${path}/`), fsPath(aside)));
      this.#moves.push({ path, aside, parent });
    } catch (error) {
      if (isDirectory(path)) throw error;
    }
  }

  /** Moves a file or link out of the way of a directory. It may be gone or replaced by now. */
  takeOther(path: string, parent: string, area: StagingArea): void {
    const aside = area.newTree();
    try {
      const kept = keep(path, aside);
      // Fails on a directory, where a rename would not
      makeWritable(parent, () => unlinkSync(fsPath(path)));
      if (kept) this.#moves.push({ path, aside, parent });
    } catch (error) {
      const stats = lstatSync(fsPath(path), { throwIfNoEntry: false });
      if (stats && !stats.isDirectory()) throw error;
    }
  }

  /** What could not be replaced comes back. Never throws. */
  putBack(): void {
    for (const { path, aside, parent } of this.#moves.toReversed()) {
      try {
        if (lstatSync(fsPath(path), { throwIfNoEntry: false })) continue;
        makeWritable(parent, () => renameSync(fsPath(aside), fsPath(path)));
      } catch {
        // The error that led here is what is reported
      }
    }
  }
}

function isDirectory(path: string): boolean {
  return lstatSync(fsPath(path), { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** A second name in staging, for `putBack`. false: it cannot be had here. */
function keep(path: string, aside: string): boolean {
  try {
    const stats = lstatSync(fsPath(path));
    if (stats.isDirectory()) return false;
    if (stats.isSymbolicLink()) symlinkSync(readlinkSync(fsPath(path), 'buffer'), fsPath(aside));
    else linkSync(fsPath(path), fsPath(aside));
    return true;
  } catch {
    return false;
  }
}
