import { chmodSync, chownSync, fstatSync, mkdirSync, unlinkSync } from 'node:fs';
import {
  areSameAttributes,
  attributesOf,
  type DirectoryAttributes,
  setAttributes,
} from '../../fs/attributes.ts';
import { realPathOf } from '../../fs/file-status.ts';
import { ignoreErrors } from '../../fs/ignore-errors.ts';
import { fsPath } from '../../fs/paths/names.ts';
import { stagingName } from '../../fs/paths/staging-name.ts';
import { thisPlatform, thisUser } from '../../fs/platform.ts';
import { RefusedAttributes } from '../../fs/refused-attributes.ts';
import { writeError } from '../../fs/tree-errors.ts';
import { NEW_FILE, withFile } from '../../fs/with-file.ts';
import { makeWritable } from '../../fs/writable.ts';
import { type DirectoryHandle, isLongDirectory, openDirectory } from './short-path.ts';
import { removeOwner, writeOwner } from './staging-owner.ts';
import { emptyTree, irremovableStaging, type RemainingStaging, tryRemoveRest } from './stale-staging.ts';

/** Maximum number of files in one directory of an area. */
const FILES_A_DIRECTORY = 1024;

/**
 * A directory inside an existing one, on the same file system and inside the same mount: files and trees are built in it,
 * and a rename makes them visible.
 */
export class StagingArea {
  /** The existing directory that contains it. */
  readonly parent: string;
  /** Number of its device (`stat`): no rename crosses devices. */
  readonly dev: number;
  /** Whether new files get another mode than requested, although the umask is 0: because of a default ACL, or on vfat. */
  masksModes = false;
  readonly #name: string;
  #path: string | undefined;
  /** Handle of the parent, if its path leaves no room for names in it. */
  #handle: DirectoryHandle | undefined;
  /** The parent's attributes before and after this area was made. */
  #before: DirectoryAttributes | undefined;
  #after: DirectoryAttributes | undefined;
  #trees = 0;
  #files = 0;

  constructor(parent: string, dev: number, runLabel: string) {
    this.parent = parent;
    this.dev = dev;
    this.#name = stagingName(runLabel);
  }

  /** Path of the area. Throws the system's error if a parent with a long path cannot be opened. */
  get path(): string {
    if (this.#path === undefined) {
      if (isLongDirectory(this.parent)) this.#handle = openDirectory(this.parent);
      this.#path = `${this.#handle?.path ?? this.parent}/${this.#name}`;
    }
    return this.#path;
  }

  /** Returns a path for a directory that is moved as a whole, or for an item that is moved aside. */
  reserveTree(): string {
    return `${this.path}/${this.#trees++}`;
  }

  /** Returns a path for a file or link that is moved by itself. */
  reserveFile(): string {
    const index = this.#files++;
    return `${this.path}/f${Math.floor(index / FILES_A_DIRECTORY)}/${index % FILES_A_DIRECTORY}`;
  }

  /** Makes its directories, when all paths in it are planned. Throws `TargetTreeError`. */
  create(): void {
    try {
      this.#before = attributesOf(realPathOf(this.parent));
      makeWritable(this.parent, () => mkdirSync(fsPath(this.path), 0o700));
      // It may have the set-group-id bit of its parent, but files in it must get the group of this process
      if (thisPlatform.keepsOwners) setOwnGroup(this.path);
      writeOwner(this.path);
      for (let index = 0; index * FILES_A_DIRECTORY < this.#files; index++)
        mkdirSync(fsPath(`${this.path}/f${index}`), 0o700);
      this.masksModes = thisPlatform.hasModes && [0o777, 0o640].some(mode => isMasked(this.path, mode));
      const parent = realPathOf(this.parent);
      // Resets the mode at once, so that a process which is killed before its commit leaves it as it was
      if (attributesOf(parent).mode !== this.#before.mode) setAttributes(parent, this.#before);
      this.#after = attributesOf(parent);
    } catch (error) {
      throw writeError(this.parent, error);
    }
  }

  /** Keeps the area for a day, because it has items of the user. Never throws. */
  keep(): void {
    ignoreErrors(() => removeOwner(this.path));
  }

  /** Removes the area with everything in it. Returns a description of the rest, or nothing. Never throws. */
  async tryRemove(): Promise<readonly RemainingStaging[]> {
    await emptyTree(this.path, undefined);
    const isRemoved = tryRemoveRest(this.parent, this.path);
    this.#handle?.[Symbol.dispose]();
    this.#handle = undefined;
    this.#path = undefined;
    return isRemoved ? [] : [irremovableStaging(this.parent, 1)];
  }

  /** Removes the area as `tryRemove` does, and resets mode and times of the parent. */
  async tryDiscard(): Promise<readonly RemainingStaging[]> {
    const before = this.#before;
    if (!before) return [];
    const parent = ignoreErrors(() => realPathOf(this.parent)) ?? this.parent;
    const now = ignoreErrors(() => attributesOf(parent)) ?? before;
    const remaining = await this.tryRemove();
    // If another job has published in the parent meanwhile, its attributes stay as that job left them
    const isUntouched = this.#after === undefined || areSameAttributes(now, this.#after);
    ignoreErrors(() => setAttributes(parent, isUntouched ? before : now));
    return remaining;
  }
}

function setOwnGroup(directory: string): void {
  const refused = new RefusedAttributes();
  refused.attempt('owners', () => chownSync(fsPath(directory), -1, thisUser.gid!));
  refused.attempt('modes', () => chmodSync(fsPath(directory), 0o700));
}

/** Returns whether a new file in `directory` gets another mode than requested. */
function isMasked(directory: string, mode: number): boolean {
  const probe = `${directory}/probe`;
  const masked = withFile(probe, NEW_FILE, fd => (fstatSync(fd).mode & 0o777) !== mode, mode);
  unlinkSync(fsPath(probe));
  return masked;
}
