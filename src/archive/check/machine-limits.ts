import { type Entry, EntryType, parentName } from '../format/entry.ts';
import { type CaseProbe, foldCase } from '../fs/paths/case-folding.ts';
import type { PathLayout } from '../fs/paths/layout.ts';
import { encodedLength, isLongerThan, UNIT_BYTES } from '../fs/paths/names.ts';
import { Anchor, parseStoredName } from '../fs/paths/stored-name.ts';
import { thisPlatform } from '../fs/platform.ts';
import type { Turns } from '../turns.ts';
import type { EntryFault } from './root-nesting.ts';

const NOT_VALID = 'has a name that is not valid on this system';

/** Finds names that an archive may have, but this machine cannot. */
export class MachineLimits {
  /**
   * Length of a path minus the length of its name, for each anchor (7 if `./a` is `/home/me/a`), in the platform's unit: bytes or
   * UTF-16 units.
   */
  readonly #pathExcess: Readonly<Record<Anchor, number>>;
  /** Names of at most this many UTF-16 units are within all limits; -1 if each name has to be checked. */
  readonly #safeLength: number;

  constructor(layout: PathLayout) {
    // The path of an anchor has no slash at its end
    const excess = (start: string) => measure(layout.toAbsolute(start)) + 1 - start.length;
    // An absolute name is a path
    this.#pathExcess = { [Anchor.root]: 0, [Anchor.home]: excess('~/'), [Anchor.workspace]: excess('./') };
    const { maxPathLength, maxComponentLength } = thisPlatform;
    const longest = Math.max(...Object.values(this.#pathExcess));
    const shortest = Math.min(maxComponentLength, maxPathLength - longest);
    const isAnyNameValid = !thisPlatform.forbiddenInComponents && thisPlatform.namesAreBytes;
    this.#safeLength = isAnyNameValid ? Math.floor(shortest / UNIT_BYTES) : -1;
  }

  /** Returns why this machine cannot have an entry of this name, as the end of a sentence. Returns undefined if it can. */
  faultOf(name: string): string | undefined {
    if (name.length <= this.#safeLength) return undefined;
    const { forbiddenInComponents, namesAreBytes, maxPathLength, maxComponentLength } = thisPlatform;
    const { anchor, below } = parseStoredName(name, thisPlatform.hasShares);
    if (forbiddenInComponents?.test(below)) return NOT_VALID;
    if (!namesAreBytes && !name.isWellFormed()) return NOT_VALID;
    const excess = this.#pathExcess[anchor];
    // The slash at the end of a directory's name is not part of its path
    const bare = name.endsWith('/') ? name.slice(0, -1) : name;
    const unit = thisPlatform.countsUnits ? 'characters' : 'bytes';
    if (isLonger(bare, maxPathLength - excess))
      return `has a path of ${measure(bare) + excess} ${unit} here, but this system allows ${maxPathLength}`;
    const isLong = (text: string) => isLonger(text, maxComponentLength);
    if (isLong(name) && name.split('/').some(isLong))
      return `has a component of more than ${maxComponentLength} ${unit}, the limit of this system`;
    return undefined;
  }
}

function measure(text: string): number {
  return thisPlatform.countsUnits ? text.length : encodedLength(text);
}

function isLonger(text: string, most: number): boolean {
  return thisPlatform.countsUnits ? text.length > most : isLongerThan(text, most);
}

/**
 * Finds a name that differs only in case from another, if the disk folds case: it would overwrite the other. Returns undefined
 * if there is none. Throws the signal's reason.
 */
export async function findCaseTwin(
  entries: readonly Entry[],
  roots: readonly Entry[],
  layout: PathLayout,
  foldsCase: CaseProbe,
  turns: Turns,
): Promise<EntryFault | undefined> {
  if (!thisPlatform.mayFoldCase) return undefined;
  const isRoot = new Set(roots);
  const foldingDirectories = new Set<string>();
  const seen = new Set<string>();
  for (const entry of entries) {
    if (turns.isDue()) await turns.take();
    const { name, type } = entry;
    const folds = isRoot.has(entry)
      ? foldsCase(layout.toAbsolute(name))
      : foldingDirectories.has(parentName(name));
    if (!folds) continue;
    if (type === EntryType.directory) foldingDirectories.add(name);
    const folded = foldCase(name, thisPlatform).replace(/\/$/, '');
    if (seen.has(folded))
      return {
        name,
        why: 'differs only in case from another entry, and this file system treats them as one',
      };
    seen.add(folded);
  }
  return undefined;
}
