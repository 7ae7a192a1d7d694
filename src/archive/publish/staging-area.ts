import {
  chmodSync,
  chownSync,
  closeSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  unlinkSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { realPathOf } from '../fs/file-status.ts';
import { ignoreErrors } from '../fs/ignore-errors.ts';
import { findMount, readMountPoints } from '../fs/mounts.ts';
import { decodeName, fsPath } from '../fs/names.ts';
import { thisPlatform } from '../fs/platform.ts';
import { isStagingName, stagingName } from '../fs/staging-name.ts';
import { writeError } from '../fs/tree-errors.ts';
import { makeWritable } from '../fs/writable.ts';
import { applyAttributes, attributesOf, type DirectoryAttributes, sameAttributes } from './attributes.ts';

/** Single staged files are spread over directories of this many. */
const FILES_A_DIRECTORY = 1024;
/** A later restore removes staging that a killed one left behind after this many ms. */
export const STALE_STAGING_MS = 24 * 60 * 60 * 1000;

/**
 * A directory inside an existing one, on the same file system and inside the same mount: files and trees are built in it,
 * and a rename makes them visible.
 */
export class StagingArea {
  /** The existing directory that holds it. */
  readonly parent: string;
  readonly path: string;
  /** Its device, as `stat` numbers it: no rename crosses devices. */
  readonly dev: number;
  /** Whether a default ACL removes bits from the modes of new files, although the umask is 0. */
  masksModes = false;
  /** The parent's attributes before and after this area was made. */
  #before: DirectoryAttributes | undefined;
  #made: DirectoryAttributes | undefined;
  #trees = 0;
  #files = 0;

  constructor(parent: string, dev: number, runLabel: string) {
    this.parent = parent;
    this.dev = dev;
    this.path = `${parent}/${stagingName(runLabel)}`;
  }

  /** Returns a path for a directory that is moved as a whole, or for an item that is moved aside. */
  newTree(): string {
    return `${this.path}/${this.#trees++}`;
  }

  /** Returns a path for a file or link that is moved by itself. */
  newFile(): string {
    const index = this.#files++;
    return `${this.path}/f${Math.floor(index / FILES_A_DIRECTORY)}/${index % FILES_A_DIRECTORY}`;
  }

  /** Makes the directories. Throws `TargetTreeError`. */
  create(): void {
    try {
      this.#before = attributesOf(realPathOf(this.parent));
      makeWritable(this.parent, () => mkdirSync(fsPath(this.path), 0o700));
      // Without a set-group-id bit from its parent, so that files in it get the group of this process
      if (thisPlatform.keepsOwners) {
        chownSync(fsPath(this.path), -1, process.getegid!());
        chmodSync(fsPath(this.path), 0o700);
      }
      for (let index = 0; index * FILES_A_DIRECTORY < this.#files; index++)
        mkdirSync(fsPath(`${this.path}/f${index}`), 0o700);
      this.masksModes = thisPlatform.hasModes && masksModes(this.path);
      this.#made = attributesOf(realPathOf(this.parent));
    } catch (error) {
      throw writeError(this.parent, error);
    }
  }

  /** Removes it with everything in it. */
  remove(): void {
    makeWritable(this.parent, () => removeTree(this.path));
  }

  /** Removes it and gives the parent the mode and times that it had before. */
  discard(): void {
    if (!this.#before) return;
    const parent = realPathOf(this.parent);
    const now = attributesOf(parent);
    this.remove();
    // If another job has published in the parent meanwhile, its attributes stay as that job left them
    const untouched = this.#made === undefined || sameAttributes(now, this.#made);
    applyAttributes(parent, untouched ? this.#before : now);
  }
}

/** Tests with a file that is made in `directory` and removed. */
function masksModes(directory: string): boolean {
  const probe = fsPath(`${directory}/probe`);
  const fd = openSync(probe, 'wx', 0o777);
  try {
    return (fstatSync(fd).mode & 0o777) !== 0o777;
  } finally {
    closeSync(fd);
    unlinkSync(probe);
  }
}

/** Removes staging of other runs in `directory` that is older than `olderThanMs`. Never fails. */
export function removeStaleStaging(directory: string, olderThanMs: number): void {
  try {
    const stale = readdirSync(fsPath(directory))
      .filter(isStagingName)
      .map(name => `${directory}/${name}`)
      .filter(path => isStale(path, olderThanMs));
    if (stale.length === 0) return;
    const real = realPathOf(directory);
    const mounts = readMountPoints();
    // A mount in staging came with a directory that was moved aside: it is the user's
    const removable = stale.filter(path => findMount(join(real, basename(path)), mounts) === undefined);
    const before = attributesOf(real);
    // One that holds files of root stays; the others still go, and the directory gets its mode back
    for (const path of removable) ignoreErrors(() => makeWritable(directory, () => removeTree(path)));
    applyAttributes(directory, before);
  } catch {
    // It may be gone meanwhile; nothing depends on it
  }
}

/** Only directories are staging, and only those of this user can be removed. */
function isStale(path: string, olderThanMs: number): boolean {
  const stats = lstatSync(fsPath(path), { throwIfNoEntry: false });
  const user = process.geteuid?.() ?? 0;
  if (!stats?.isDirectory() || (user !== 0 && stats.uid !== user)) return false;
  return Date.now() - stats.mtimeMs >= olderThanMs;
}

/** Removes a tree of this user, read-only directories included. Does nothing if it is not there. */
function removeTree(path: string): void {
  const options = { recursive: true, force: true, maxRetries: 3 } as const;
  try {
    rmSync(fsPath(path), options);
  } catch {
    makeRemovable(path);
    rmSync(fsPath(path), options);
  }
}

/** Only root can remove items from a directory without write permission. */
function makeRemovable(directory: string): void {
  const stats = lstatSync(fsPath(directory), { throwIfNoEntry: false });
  if (!stats?.isDirectory()) return;
  chmodSync(fsPath(directory), 0o700);
  for (const name of readdirSync(fsPath(directory), 'buffer'))
    makeRemovable(`${directory}/${decodeName(name)}`);
}
