import { accessSync, constants, lstatSync, readdirSync, type Stats } from 'node:fs';
import { TargetTreeError } from '../archive-errors.ts';
import { fsPath } from '../fs/names.ts';
import { writeError } from '../fs/tree-errors.ts';

/**
 * Throws the system's error for a name or path that is too long here: staging uses short names, so only the rename of the
 * commit would notice.
 */
export function requireNameable(path: string, component: string): void {
  // Every known file system takes 63 characters of 4 bytes in a component, and 1000 bytes in a path
  if (component.length > 63 || path.length > 1000) lstatSync(fsPath(path), { throwIfNoEntry: false });
}

/** Throws `TargetTreeError` for a directory that a restore cannot rename into, even after a chmod. */
export function requireWritable(path: string, stats: Stats): void {
  try {
    accessSync(fsPath(path), constants.W_OK | constants.X_OK);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'EROFS') throw writeError(path, error);
    // Another job that restores the same has moved it away
    if (code === 'ENOENT') return;
    // Its owner can give it the write bit for the commit
    if (stats.uid === process.geteuid?.()) return;
    throw new TargetTreeError(
      `${path} belongs to user ${stats.uid} and cannot be written; remove it or set \`sudo: true\``,
      { cause: error },
    );
  }
}

/** Returns each name in a directory and whether it is a directory. Throws `TargetTreeError`. */
export function listDirectory(path: string): Map<string, boolean> {
  try {
    const listing = readdirSync(fsPath(path), { withFileTypes: true });
    return new Map(listing.map(found => [found.name, found.isDirectory()]));
  } catch (error) {
    throw writeError(path, error);
  }
}
