import {
  type BigIntStats,
  chmodSync,
  chownSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  futimesSync,
  lchownSync,
  lstatSync,
  lutimesSync,
  utimesSync,
} from 'node:fs';
import { fileTimes, type Mtime, splitMtime } from './file-times.ts';
import { fsPath } from './paths/names.ts';
import { thisPlatform, thisUser } from './platform.ts';
import { RefusedAttributes } from './refused-attributes.ts';

/** Attributes of a file or directory that an archive keeps. */
export interface Attributes extends Mtime {
  /** Permission bits, 0 to 0o7777. */
  readonly mode: number;
  /** Owner; -1 where owners are not kept. */
  readonly uid: number;
  readonly gid: number;
}

/** Attributes that are set again on a directory after something was built in it or moved through it. */
export type DirectoryAttributes = Omit<Attributes, 'uid' | 'gid'>;

/** Returns the attributes of the item at `path`. Does not follow a link there. Throws the system's error. */
export function attributesOf(path: string): DirectoryAttributes {
  return attributesIn(lstatSync(fsPath(path), { bigint: true }));
}

/** Returns the attributes in a status. */
export function attributesIn(stats: BigIntStats): DirectoryAttributes {
  return { mode: Number(stats.mode) & 0o7777, ...splitMtime(stats.mtimeNs) };
}

/** Returns whether a directory has the attributes `expected`, as far as `setAttributes` can set them. */
export function areSameAttributes(found: DirectoryAttributes, expected: DirectoryAttributes): boolean {
  return found.mode === expected.mode && fileTimes.isRestored(expected, found);
}

/**
 * Sets mode and times of a file or directory, at a path or open, and its owner if one is given and this platform keeps owners.
 * `made` is for an item that this process has just made: only what differs is set, because these calls take most of the time for
 * a tree of many directories. `knownMode` is undefined if the file system may have changed the mode of the new item. Counts what
 * the system refuses in `refused`. Throws the system's other errors.
 */
export function setAttributes(
  item: string | number,
  attributes: DirectoryAttributes | Attributes,
  refused = new RefusedAttributes(),
  made?: { readonly knownMode: number | undefined },
): void {
  const [fd, path] = typeof item === 'number' ? [item, ''] : [undefined, fsPath(item)];
  let { mode } = attributes;
  if ('uid' in attributes && setsOwner(attributes, made !== undefined)) {
    const { uid, gid } = attributes;
    const chown = () => (fd === undefined ? chownSync(path, uid, gid) : fchownSync(fd, uid, gid));
    // Set-id bits would give the rights of the wrong user (libarchive clears them too)
    if (!refused.attempt('owners', chown)) mode &= 0o1777;
  }
  const present = made?.knownMode;
  // Set-id bits are ignored by mkdir, and cleared by a change of owner and by each write of an ordinary user
  if (thisPlatform.hasModes && (mode !== present || mode > 0o777)) {
    const chmod = () => (fd === undefined ? chmodSync(path, mode) : fchmodSync(fd, mode));
    const isSet = refused.attempt('modes', chmod);
    // Some file systems ignore the mode of a file without an error (vfat with `quiet`)
    const isVerified = isSet && fd !== undefined && present === undefined;
    if (isVerified && (fstatSync(fd).mode & 0o7777) !== mode) refused.counts.modes++;
  }
  refused.attemptTime(
    attributes,
    (atime, mtime) => (fd === undefined ? utimesSync(path, atime, mtime) : futimesSync(fd, atime, mtime)),
    () => (fd === undefined ? lstatSync(path) : fstatSync(fd)).mtimeMs,
  );
}

/** Sets owner and time of a symlink that this process has just made. Counts refusals and throws as `setAttributes` does. */
export function setLinkAttributes(path: string, attributes: Attributes, refused: RefusedAttributes): void {
  const { uid, gid } = attributes;
  const link = fsPath(path);
  if (setsOwner(attributes, true)) refused.attempt('owners', () => lchownSync(link, uid, gid));
  refused.attemptTime(
    attributes,
    (atime, mtime) => lutimesSync(link, atime, mtime),
    () => lstatSync(link).mtimeMs,
  );
}

/** Returns whether to set the owner. A new item has the group of this process: staging has no set-group-id bit (staging-area.ts). */
function setsOwner({ uid, gid }: Attributes, isNew: boolean): boolean {
  return thisPlatform.keepsOwners && uid >= 0 && !(isNew && uid === thisUser.uid && gid === thisUser.gid);
}

/** Bit of the owner's right to write. On Windows a file has it if it does not have the read-only attribute. */
export const OWNER_WRITES = 0o200;
/** Bit of a directory in which only root, the owner of the directory and the owner of a file can remove the file. */
export const STICKY = 0o1000;
const READABLE = 0o444;

/** Returns the mode with which a file is created: on Windows a writable one, until `makeReadOnly`. */
export function creationMode(mode: number): number {
  return thisPlatform.hasModes ? mode : mode | OWNER_WRITES;
}

/**
 * Makes a file read-only on Windows if its owner may not write it. Call this after the times are set, which a read-only file
 * may refuse. Counts a refusal in `refused`. Throws the system's other errors.
 */
export function makeReadOnly(path: string, mode: number, refused: RefusedAttributes): void {
  if (thisPlatform.hasModes || (mode & OWNER_WRITES) !== 0) return;
  refused.attempt('modes', () => chmodSync(fsPath(path), READABLE));
}

/** Returns whether two modes are equal as far as this system keeps them. Directories of Windows are never read-only. */
export function isSameMode(a: number, b: number, isDirectory: boolean): boolean {
  if (thisPlatform.hasModes) return a === b;
  return isDirectory || (a & OWNER_WRITES) === (b & OWNER_WRITES);
}
