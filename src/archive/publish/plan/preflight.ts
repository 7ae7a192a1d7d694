import {
  accessSync,
  chmodSync,
  constants,
  type Dirent,
  readdirSync,
  rmdirSync,
  type Stats,
  unlinkSync,
} from 'node:fs';
import { TargetTreeError } from '../../archive-errors.ts';
import { STICKY } from '../../fs/attributes.ts';
import { lstat } from '../../fs/file-status.ts';
import { fileSystemKind } from '../../fs/file-system-kind.ts';
import { fsPath } from '../../fs/paths/names.ts';
import { thisPlatform, thisUser } from '../../fs/platform.ts';
import { withFile } from '../../fs/with-file.ts';

/** Type of an item in an existing directory. */
export type ItemKind = 'directory' | 'file' | 'other';

/** Returns each name in a directory with its type. Throws the system's error. */
export function listDirectory(path: string): Map<string, ItemKind> {
  const listing = readdirSync(fsPath(path), { withFileTypes: true });
  return new Map(listing.map(found => [found.name, itemKind(found)]));
}

export function itemKind(found: Dirent | Stats): ItemKind {
  return found.isDirectory() ? 'directory' : found.isFile() ? 'file' : 'other';
}

/**
 * Throws the system's error for a name or path that is too long here. Staging uses short names, so without this check only the
 * rename of the commit would fail.
 */
export function requireNameable(path: string, component: string): void {
  // Every known file system accepts 63 characters of 4 bytes in a component, and 1000 bytes in a path
  if (component.length > 63 || path.length > 1000) lstat(path);
}

/**
 * Throws `TargetTreeError` for a directory that a restore cannot rename into or out of, even after a chmod, and the system's error
 * for a directory of a read-only file system.
 */
export function requireWritable(path: string, stats: Stats): void {
  try {
    accessSync(fsPath(path), constants.W_OK | constants.X_OK);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'EROFS') throw error;
    // Another job that restores the same cache has moved it away
    if (code === 'ENOENT') return;
    // The directory is immutable: missing rights have the code EACCES
    if (code === 'EPERM' && thisPlatform.hasModes) throw attributeError(path, error);
    // Its owner can give it the write bit for the commit
    if (isOwner(stats)) return;
    // Root has no right on a network file system (root_squash) or without its capabilities
    const advice = thisUser.uid === 0 ? 'run the job as that user' : 'set `sudo: true`';
    throw new TargetTreeError(
      `${path} belongs to user ${stats.uid} and cannot be written; change its owner or ${advice}`,
      { cause: error },
    );
  }
}

/**
 * Throws `TargetTreeError` for an append-only directory, whose items cannot be renamed or removed. `stats` is its status, and
 * `list` returns its items.
 */
export function requireNotAppendOnly(
  path: string,
  stats: Stats,
  list: () => ReadonlyMap<string, ItemKind>,
): void {
  if (!thisPlatform.refusesInAppendOnly || !(isOwner(stats) || thisUser.uid === 0)) return;
  try {
    // A chmod to the same mode changes nothing. It fails with the attribute, and on some file systems without it too
    chmodSync(fsPath(path), stats.mode & 0o7777);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EPERM' && refusesRemoval(path, list()))
      throw attributeError(path, error);
  }
}

/**
 * Returns whether no item of the directory can be removed. Tries to remove one with the call for another type, which Linux always
 * refuses. Its error is EPERM only if no item can be removed (`may_delete` in fs/namei.c).
 */
function refusesRemoval(path: string, listing: ReadonlyMap<string, ItemKind>): boolean {
  const [item] = listing;
  if (!item) return false;
  const [name, kind] = item;
  try {
    (kind === 'directory' ? unlinkSync : rmdirSync)(fsPath(`${path}/${name}`));
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Throws `TargetTreeError` for the item at `path` if no rename replaces it. */
export type ReplacementCheck = (path: string, kind: ItemKind) => void;

/** Returns the check for the items in the directory at `path`, whose status is `stats`. */
export function createReplacementCheck(path: string, stats: Stats): ReplacementCheck {
  const fileSystem = fileSystemKind(path);
  // Sticky bit: only the owner of the directory or of an item may rename the item
  const isRestricted = (stats.mode & STICKY) !== 0 && !isOwner(stats) && thisUser.uid !== 0;
  return (item, kind) => {
    if (isRestricted) requireOwned(item);
    if (kind !== 'file' || fileSystem === 'other') return;
    try {
      // Opening finds append-only files too, but on overlayfs it would copy the file
      if (fileSystem === 'overlay') accessSync(fsPath(item), constants.W_OK);
      else withFile(item, constants.O_WRONLY | thisPlatform.openFlags, () => {});
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EPERM') throw attributeError(item, error);
    }
  };
}

function requireOwned(path: string): void {
  const stats = lstat(path);
  if (!stats || isOwner(stats)) return;
  throw new TargetTreeError(
    `${path} belongs to user ${stats.uid} and cannot be replaced, because its directory has the sticky bit; remove it or set \`sudo: true\``,
  );
}

/** Makes the error for an item with an attribute of chattr(1) or chflags(1). The system does not report which one it is. */
function attributeError(path: string, cause: unknown): TargetTreeError {
  return new TargetTreeError(
    `${path} is immutable or append-only and cannot be replaced or written; run \`${thisPlatform.unlockCommand}\` on it or exclude it with a \`!\` line in \`path\``,
    { cause },
  );
}

function isOwner({ uid }: Stats): boolean {
  return uid === thisUser.uid;
}
