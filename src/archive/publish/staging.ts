import {
  chmodSync,
  chownSync,
  closeSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  unlinkSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { realPathOf } from '../fs/file-status.ts';
import { ignoreErrors } from '../fs/ignore-errors.ts';
import { findMount, readMountPoints } from '../fs/mounts.ts';
import { fsPath } from '../fs/names.ts';
import { thisPlatform } from '../fs/platform.ts';
import { isStagingName, stagingName } from '../fs/staging-name.ts';
import { writeError } from '../fs/tree-errors.ts';
import { makeWritable } from '../fs/writable.ts';
import {
  applyAttributes,
  attributesOf,
  type DirectoryAttributes,
  sameAttributes,
} from './directory-attributes.ts';
import { removeTree } from './remove-tree.ts';

/** Staged files that stand alone are spread over directories of this many. */
const FILES_A_DIRECTORY = 1024;
/** Staging that a killed restore left behind is removed by a later one after this many ms. */
export const STALE_STAGING_MS = 24 * 60 * 60 * 1000;

/**
 * A directory inside an existing one, where things are built that a rename will then make visible: on the same file
 * system and inside the same mount.
 */
export class StagingArea {
  /** The existing directory that it stands in. */
  readonly parent: string;
  readonly path: string;
  /** The device that it is on, as `stat` numbers it: what is built here can be renamed to there alone. */
  readonly dev: number;
  /** Whether files in it get less of a mode than is asked for although the umask is 0: by a default ACL. */
  masksModes = false;
  /** The parent's attributes before this area was made, and as making it left them. */
  #before: DirectoryAttributes | undefined;
  #made: DirectoryAttributes | undefined;
  #trees = 0;
  #files = 0;

  constructor(parent: string, dev: number, runLabel: string) {
    this.parent = parent;
    this.dev = dev;
    this.path = `${parent}/${stagingName(runLabel)}`;
  }

  /** A path for a directory that is to be moved as a whole, or for something that is moved out of the way. */
  newTree(): string {
    return `${this.path}/${this.#trees++}`;
  }

  /** A path for a file or link that is to be moved alone. */
  newFile(): string {
    const index = this.#files++;
    return `${this.path}/f${Math.floor(index / FILES_A_DIRECTORY)}/${index % FILES_A_DIRECTORY}`;
  }

  /** Makes the directories. Throws `TargetTreeError`. */
  create(): void {
    try {
      this.#before = attributesOf(realPathOf(this.parent));
      makeWritable(this.parent, () => mkdirSync(fsPath(this.path), 0o700));
      // Without the set-group-id bit that it may have from its parent: files in it get our own group
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

  /** Removes all that is still in it. */
  remove(): void {
    makeWritable(this.parent, () => removeTree(this.path));
  }

  /** Removes it as if it had never been: the parent gets the mode and times back that it had. */
  discard(): void {
    if (!this.#before) return;
    const parent = realPathOf(this.parent);
    const now = attributesOf(parent);
    this.remove();
    // Unless another job has published in it meanwhile: then it is as that job left it
    const untouched = this.#made === undefined || sameAttributes(now, this.#made);
    applyAttributes(parent, untouched ? this.#before : now);
  }
}

/** Asks with a file that is made in `directory` and removed. */
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
    // What is mounted in it went there with a directory that made room, and is not ours
    const removable = stale.filter(path => findMount(join(real, basename(path)), mounts) === undefined);
    const before = attributesOf(real);
    // With root's files in it, one stays; the others and the directory's mode are not to suffer from that
    for (const path of removable) ignoreErrors(() => makeWritable(directory, () => removeTree(path)));
    applyAttributes(directory, before);
  } catch {
    // Gone meanwhile, or in the way of nobody: nothing depends on it
  }
}

/** Only what is ours can be removed, and only directories are staging. */
function isStale(path: string, olderThanMs: number): boolean {
  const stats = lstatSync(fsPath(path), { throwIfNoEntry: false });
  const user = process.geteuid?.() ?? 0;
  if (!stats?.isDirectory() || (user !== 0 && stats.uid !== user)) return false;
  return Date.now() - stats.mtimeMs >= olderThanMs;
}
