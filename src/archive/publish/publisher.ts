import { lstatSync, readdirSync } from 'node:fs';
import type { Entry } from '../format/entry.ts';
import { forEachInTurns, type Turns } from '../format/turns.ts';
import { isRealDirectory } from '../fs/file-status.ts';
import { ignoreErrors } from '../fs/ignore-errors.ts';
import { decodeName, fsPath } from '../fs/paths/names.ts';
import { rename } from '../fs/rename.ts';
import { grantWrite } from '../fs/writable.ts';
import { applyAttributes, attributesOf, type DirectoryAttributes } from './attributes.ts';
import type { MovedAside, TargetDirectory } from './moved-aside.ts';
import { isLongDirectory, openDirectory } from './short-path.ts';
import type { Move } from './target-plan.ts';

/** Attempts at one rename while another job creates items at its target. */
const ATTEMPTS = 20;

/** A directory that another job had published first, and the attributes that ours would have had. */
interface MergedDirectory {
  readonly path: string;
  readonly attributes: DirectoryAttributes;
}

/** Renames staged items to their final paths, also if another job has created something there since the plan. */
export class Publisher {
  readonly #movedAside: MovedAside;
  readonly #published: Move[] = [];
  readonly #merged: MergedDirectory[] = [];
  #hasMerged = false;

  /** Items in the way go to `movedAside`. */
  constructor(movedAside: MovedAside) {
    this.#movedAside = movedAside;
  }

  /** The completed moves, in their order. */
  get published(): readonly Move[] {
    return this.#published;
  }

  /** Whether a tree was published piece by piece. */
  get hasMerged(): boolean {
    return this.#hasMerged;
  }

  /** Whether anything may be visible. A merge that failed may have moved some of its tree. */
  get hasBegun(): boolean {
    return this.#hasMerged || this.#published.length > 0;
  }

  /** Throws the system's errors, the reason of the turns' signal, and `TargetTreeError` where an item in the way cannot be moved aside. */
  async publish(move: Move, turns: Turns): Promise<void> {
    const { from, to, isTree, parent } = move;
    if (isTree) await this.#publishTree(from, to, parent, turns);
    else this.#publishFile(from, to, parent);
    this.#published.push(move);
  }

  /** Sets modes and times of the new directories, deepest first. A link may have taken the place of one. */
  async applyFinalAttributes(entries: readonly Entry[]): Promise<void> {
    await forEachInTurns(this.#merged.toReversed(), undefined, ({ path, attributes }) => {
      ignoreErrors(() => isRealDirectory(path) && applyAttributes(path, attributes));
    });
    await forEachInTurns(this.#published, undefined, ({ to, isTree, entry }) => {
      if (isTree && entry >= 0)
        ignoreErrors(() => isRealDirectory(to) && applyAttributes(to, entries[entry]!));
    });
  }

  #publishFile(from: string, to: string, parent: TargetDirectory): void {
    renameInto(parent.path, from, to, code => {
      if (isDenied(code) && isLink(to)) this.#movedAside.moveFileAside(to, parent);
      else if (code === 'EISDIR' || isTaken(code) || (isDenied(code) && isRealDirectory(to)))
        this.#movedAside.moveDirectoryAside(to, parent);
      else return 'blocked';
      return 'clear';
    });
  }

  async #publishTree(from: string, to: string, parent: TargetDirectory, turns: Turns): Promise<void> {
    const result = renameInto(parent.path, from, to, code => {
      if (code === 'ENOTDIR' || (isDenied(code) && isLink(to))) this.#movedAside.moveFileAside(to, parent);
      else if ((isTaken(code) || code === 'EPERM') && isRealDirectory(to)) return 'occupied';
      else if (!isTaken(code)) return 'blocked';
      return 'clear';
    });
    if (result === 'occupied') await this.#merge(from, { path: to, area: parent.area }, turns);
  }

  /** Publishes a staged directory piece by piece into one that another job has published first. */
  async #merge(from: string, into: TargetDirectory, turns: Turns): Promise<void> {
    this.#hasMerged = true;
    const handle = isLongDirectory(from) ? openDirectory(from) : undefined;
    try {
      await this.#mergeItems(handle?.path ?? from, into, turns);
    } finally {
      handle?.close();
    }
  }

  async #mergeItems(from: string, into: TargetDirectory, turns: Turns): Promise<void> {
    for (const found of readdirSync(fsPath(from), { withFileTypes: true, encoding: 'buffer' })) {
      const name = decodeName(found.name);
      const [source, target] = [`${from}/${name}`, `${into.path}/${name}`];
      if (turns.isDue()) await turns.take();
      if (!found.isDirectory()) {
        this.#publishFile(source, target, into);
        continue;
      }
      this.#merged.push({ path: target, attributes: attributesOf(source) });
      grantWrite(source);
      await this.#publishTree(source, target, into, turns);
    }
  }
}

/** Returns whether a rename failed because its target is a directory that is not empty. */
function isTaken(code: string | undefined): boolean {
  return code === 'ENOTEMPTY' || code === 'EEXIST';
}

/** Returns whether a rename was refused. Windows does so for a directory, or a link to one, in the way. */
function isDenied(code: string | undefined): boolean {
  return code === 'EPERM' || code === 'EACCES';
}

function isLink(path: string): boolean {
  return lstatSync(fsPath(path), { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
}

/** State of a rename's target after an attempt to clear it. */
type TargetState = 'clear' | 'occupied' | 'blocked';

/**
 * Renames into `parent`. Calls `clear` when something is in the way, a limited number of times. Returns `occupied` if `clear`
 * has found a directory that the item must be merged into.
 */
function renameInto(
  parent: string,
  from: string,
  to: string,
  clear: (code: string | undefined) => TargetState,
): 'renamed' | 'occupied' {
  for (let attempt = 1; ; attempt++) {
    try {
      rename(parent, from, to);
      return 'renamed';
    } catch (error) {
      const state = attempt === ATTEMPTS ? 'blocked' : clear((error as NodeJS.ErrnoException).code);
      if (state === 'blocked') throw error;
      if (state === 'occupied') return state;
    }
  }
}
