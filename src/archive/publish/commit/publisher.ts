import { mkdirSync, readdirSync } from 'node:fs';
import { attributesOf, type DirectoryAttributes, setAttributes } from '../../fs/attributes.ts';
import { isRealDirectory, lstat } from '../../fs/file-status.ts';
import { ignoreErrors } from '../../fs/ignore-errors.ts';
import { decodeName, fsPath } from '../../fs/paths/names.ts';
import { isHeld, isInUse, rename, renameOverReadOnly, tryRename } from '../../fs/rename.ts';
import { isDenied } from '../../fs/tree-errors.ts';
import { grantWrite, makeWritable } from '../../fs/writable.ts';
import { forEachInTurns, type Turns } from '../../turns.ts';
import type { Move, TargetPlan } from '../plan/target-plan.ts';
import { isLongDirectory, openDirectory } from '../staging/short-path.ts';
import { MovedAside, type TargetDirectory } from './moved-aside.ts';

/** Attempts at one rename while another job creates items at its target. */
const ATTEMPTS = 20;

/** A directory of a tree that was published piece by piece, and its final attributes. */
interface MergedDirectory {
  readonly path: string;
  readonly attributes: DirectoryAttributes;
}

/** Renames staged items to their final paths, also if another job has created something there since the plan. */
export class Publisher {
  /** The completed moves, in their order. */
  readonly published: Move[] = [];
  /** Whether a tree was published piece by piece. */
  hasMerged = false;
  /** Items that were in the way. */
  readonly movedAside = new MovedAside();
  readonly #merged: MergedDirectory[] = [];

  /** Whether anything may be visible. A merge that failed may have moved some of its tree. */
  get hasBegun(): boolean {
    return this.hasMerged || this.published.length > 0;
  }

  /**
   * Makes a staged item visible. Throws the system's errors, the reason of the turns' signal, and `TargetTreeError` if an item
   * in the way cannot be moved aside.
   */
  async publish(move: Move, turns: Turns): Promise<void> {
    const { from, to, isTree, parent } = move;
    if (isTree) await this.#publishTree(from, to, parent, turns);
    else this.#publishFile(from, to, parent);
    this.published.push(move);
  }

  /** Sets modes and times of the new directories, deepest first. A link may have taken the place of one. */
  async applyFinalAttributes({ entries }: TargetPlan): Promise<void> {
    await forEachInTurns(this.#merged.toReversed(), undefined, ({ path, attributes }) => {
      ignoreErrors(() => isRealDirectory(path) && setAttributes(path, attributes));
    });
    await forEachInTurns(this.published, undefined, ({ to, isTree, entry }) => {
      if (isTree && entry >= 0) ignoreErrors(() => isRealDirectory(to) && setAttributes(to, entries[entry]!));
    });
  }

  #publishFile(from: string, to: string, parent: TargetDirectory): void {
    const whenInUse = () => (this.#replaceInUse(from, to, parent) ? 'done' : 'wait');
    renameInto(
      () => rename(parent.path, from, to, whenInUse),
      error => {
        const { code } = error;
        // Windows refuses with EPERM or EACCES if a directory or a link to one is in the way
        if (isDenied(code) && isLink(to)) this.movedAside.moveFileAside(to, parent);
        else if (code === 'EISDIR' || isTaken(code) || (isDenied(code) && isRealDirectory(to)))
          this.movedAside.moveDirectoryAside(to, parent);
        else return 'blocked';
        return 'clear';
      },
    );
  }

  /** Replaces a file that Windows does not replace: read-only, open in a process, or running. Returns whether it was replaced. */
  #replaceInUse(from: string, to: string, parent: TargetDirectory): boolean {
    if (renameOverReadOnly(from, to)) return true;
    // A staged file that is open cannot be renamed: until it is closed, the present one stays visible
    return (
      isFile(to) && !isHeld(from) && this.movedAside.tryMoveInUseAside(to, parent) && tryRename(from, to)
    );
  }

  /** Publishes a directory. If a process has a file in it open, waits, or with `stop` publishes it piece by piece at once. */
  async #publishTree(
    from: string,
    to: string,
    parent: TargetDirectory,
    turns: Turns,
    whenInUse: 'wait' | 'stop' = 'wait',
  ): Promise<void> {
    const result = renameInto(
      () => rename(parent.path, from, to, () => whenInUse),
      error => {
        const { code } = error;
        const isOpen = isInUse(error);
        if (code === 'ENOTDIR' || ((isDenied(code) || isOpen) && isLink(to)) || (isOpen && isFile(to))) {
          this.movedAside.moveFileAside(to, parent);
          return 'clear';
        }
        if ((isTaken(code) || code === 'EPERM' || isOpen) && isRealDirectory(to)) return 'occupied';
        // NTFS does not rename a directory with an open file in it, but it does rename that file
        if (isOpen) return makeDirectory(parent.path, to) ? 'made' : 'clear';
        return isTaken(code) ? 'clear' : 'blocked';
      },
    );
    if (result === 'renamed') return;
    await this.#merge(from, { path: to, area: parent.area }, turns, result === 'made' ? 'stop' : whenInUse);
  }

  /** Publishes a staged directory piece by piece into one that exists. `whenInUse` is for the directories in it. */
  async #merge(from: string, into: TargetDirectory, turns: Turns, whenInUse: 'wait' | 'stop'): Promise<void> {
    this.hasMerged = true;
    using handle = isLongDirectory(from) ? openDirectory(from) : undefined;
    const directory = handle?.path ?? from;
    for (const found of readdirSync(fsPath(directory), { withFileTypes: true, encoding: 'buffer' })) {
      const name = decodeName(found.name);
      const [source, target] = [`${directory}/${name}`, `${into.path}/${name}`];
      if (turns.isDue()) await turns.take();
      if (!found.isDirectory()) {
        this.#publishFile(source, target, into);
        continue;
      }
      this.#merged.push({ path: target, attributes: attributesOf(source) });
      grantWrite(source);
      await this.#publishTree(source, target, into, turns, whenInUse);
    }
  }
}

/** Makes a directory in `parent`. Returns false if something exists at its path. Throws the system's other errors. */
function makeDirectory(parent: string, path: string): boolean {
  try {
    makeWritable(parent, () => mkdirSync(fsPath(path)));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Returns whether a rename failed because its target is a directory that is not empty. */
function isTaken(code: string | undefined): boolean {
  return code === 'ENOTEMPTY' || code === 'EEXIST';
}

function isLink(path: string): boolean {
  return lstat(path)?.isSymbolicLink() ?? false;
}

function isFile(path: string): boolean {
  return lstat(path)?.isFile() ?? false;
}

/** State of a rename's target after an attempt to clear it. With `occupied` and `made`, the item is merged into a directory. */
type TargetState = 'clear' | 'occupied' | 'made' | 'blocked';

/**
 * Calls `tryOnce`, and after a failure `clearTarget` with its error. Repeats both while the target is `clear`, at most `ATTEMPTS`
 * times. Returns `occupied` or `made` if that is the state. Throws the last error if the target is blocked.
 */
function renameInto(
  tryOnce: () => void,
  clearTarget: (error: NodeJS.ErrnoException) => TargetState,
): 'renamed' | 'occupied' | 'made' {
  for (let attempt = 1; ; attempt++) {
    try {
      tryOnce();
      return 'renamed';
    } catch (error) {
      const state = attempt === ATTEMPTS ? 'blocked' : clearTarget(error as NodeJS.ErrnoException);
      if (state === 'blocked') throw error;
      if (state !== 'clear') return state;
    }
  }
}
