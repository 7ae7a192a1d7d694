import { lstatSync, readdirSync } from 'node:fs';
import type { Entry } from '../format/entry.ts';
import { isRealDirectory } from '../fs/file-status.ts';
import { ignoreErrors } from '../fs/ignore-errors.ts';
import { decodeName, fsPath } from '../fs/names.ts';
import { rename } from '../fs/rename.ts';
import { grantWrite } from '../fs/writable.ts';
import { applyAttributes, attributesOf, type DirectoryAttributes } from './directory-attributes.ts';
import type { Displaced, TargetDirectory } from './displaced.ts';
import type { Move } from './target-plan.ts';

/** How often a rename is tried again when another job puts something in its way meanwhile. */
const ATTEMPTS = 20;

/** A directory that another job had published first, and the attributes that ours would have had. */
interface MergedDirectory {
  readonly path: string;
  readonly attributes: DirectoryAttributes;
}

/** Renames what is staged to where it belongs, whatever another job has put there since the plan. */
export class Publisher {
  readonly #displaced: Displaced;
  readonly #published: Move[] = [];
  readonly #merged: MergedDirectory[] = [];
  #hasMerged = false;

  /** `displaced` takes what has to make room. */
  constructor(displaced: Displaced) {
    this.#displaced = displaced;
  }

  /** The moves that are done, in their order. */
  get published(): readonly Move[] {
    return this.#published;
  }

  /** Whether anything may be published. A merge that failed may have moved some of its tree. */
  get hasBegun(): boolean {
    return this.#hasMerged || this.#published.length > 0;
  }

  /** Throws the system's errors, and `TargetTreeError` where what is in the way cannot make room. */
  publish(move: Move): void {
    const { from, to, tree, parent } = move;
    if (tree) this.#publishTree(from, to, parent);
    else this.#publishFile(from, to, parent);
    this.#published.push(move);
  }

  /** Modes and times of the directories that are new, deepest first. A link may have taken the place of one. */
  finish(entries: readonly Entry[]): void {
    for (const { path, attributes } of this.#merged.toReversed()) {
      ignoreErrors(() => isRealDirectory(path) && applyAttributes(path, attributes));
    }
    for (const { to, tree, entry } of this.#published) {
      if (tree && entry >= 0) ignoreErrors(() => isRealDirectory(to) && applyAttributes(to, entries[entry]!));
    }
  }

  #publishFile(from: string, to: string, parent: TargetDirectory): void {
    renameInto(parent.path, from, to, code => {
      if (isRefusal(code) && isLink(to)) this.#displaced.takeOther(to, parent);
      else if (code === 'EISDIR' || isTaken(code) || (isRefusal(code) && isRealDirectory(to)))
        this.#displaced.takeDirectory(to, parent);
      else return 'blocked';
      return 'clear';
    });
  }

  #publishTree(from: string, to: string, parent: TargetDirectory): void {
    renameInto(parent.path, from, to, code => {
      if (code === 'ENOTDIR' || (isRefusal(code) && isLink(to))) this.#displaced.takeOther(to, parent);
      else if ((isTaken(code) || code === 'EPERM') && isRealDirectory(to)) {
        this.#merge(from, { path: to, area: parent.area });
        return 'done';
      } else if (!isTaken(code)) return 'blocked';
      return 'clear';
    });
  }

  /** Another job published this directory first: what we staged goes in piece by piece. */
  #merge(from: string, into: TargetDirectory): void {
    this.#hasMerged = true;
    for (const found of readdirSync(fsPath(from), { withFileTypes: true, encoding: 'buffer' })) {
      const name = decodeName(found.name);
      const [source, target] = [`${from}/${name}`, `${into.path}/${name}`];
      if (!found.isDirectory()) {
        this.#publishFile(source, target, into);
        continue;
      }
      this.#merged.push({ path: target, attributes: attributesOf(source) });
      // A directory that moves to another parent has its `..` rewritten: that takes the right to write it
      grantWrite(source);
      this.#publishTree(source, target, into);
    }
  }
}

/** What a rename that would replace a directory fails with. */
function isTaken(code: string | undefined): boolean {
  return code === 'ENOTEMPTY' || code === 'EEXIST';
}

/** On Windows the code for everything, and so for a directory, or a link to one, that stands in the way. */
function isRefusal(code: string | undefined): boolean {
  return code === 'EPERM' || code === 'EACCES';
}

function isLink(path: string): boolean {
  return lstatSync(fsPath(path), { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
}

/** What became of a place that was taken: free now, filled by other means, or still in the way. */
type Way = 'clear' | 'done' | 'blocked';

/** Renames into `parent`, and where something stands in the way asks `makeWay`, a few times at most. */
function renameInto(
  parent: string,
  from: string,
  to: string,
  makeWay: (code: string | undefined) => Way,
): void {
  for (let attempt = 1; ; attempt++) {
    try {
      rename(parent, from, to);
      return;
    } catch (error) {
      const way = attempt === ATTEMPTS ? 'blocked' : makeWay((error as NodeJS.ErrnoException).code);
      if (way === 'blocked') throw error;
      if (way === 'done') return;
    }
  }
}
