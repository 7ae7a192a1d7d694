import { type Entry, EntryType } from '../format/entry.ts';
import { type CaseProbe, pathKeys } from '../fs/paths/case-folding.ts';
import type { PathLayout } from '../fs/paths/layout.ts';
import { compareNames } from '../fs/paths/names.ts';
import { RootPaths } from '../fs/paths/nesting.ts';
import { thisPlatform } from '../fs/platform.ts';
import type { Turns } from '../turns.ts';

export const BELOW_LEAF = 'is below a file or link of the same archive';

/** An entry that is refused, and the reason as the end of a sentence. */
export interface EntryFault {
  readonly name: string;
  readonly why: string;
}

/** Returns whether one of the sorted entries has this name. */
export function hasEntry(entries: readonly Entry[], name: string): boolean {
  return entries[lowerBound(entries, entry => entry.name, name)]?.name === name;
}

/** Returns the index of the first sorted item whose name is not before `name`, or the number of items if there is none. */
export function lowerBound<T>(items: readonly T[], nameOf: (item: T) => string, name: string): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compareNames(nameOf(items[middle]!), name) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * Returns one of the sorted `names` that is below a file or link of the archive. Returns undefined if there is none. Searches the
 * names for each file: the search for each ancestor of a name would take a time that grows with the square of its length.
 */
async function findBelowLeaf(
  entries: readonly Entry[],
  names: readonly string[],
  turns: Turns,
): Promise<string | undefined> {
  const longest = names.reduce((most, { length }) => Math.max(most, length), 0);
  for (const { name, type } of entries) {
    if (turns.isDue()) await turns.take();
    if (type === EntryType.directory || name.length >= longest) continue;
    const below = `${name}/`;
    const found = names[lowerBound(names, other => other, below)];
    if (found?.startsWith(below)) return found;
  }
  return undefined;
}

/**
 * Checks roots by their paths on this machine, where one directory may have several stored names. No two roots have the same
 * path, and a root is below another one only if `path` excludes a directory between them. Returns the first fault, or undefined
 * if there is none. Throws the signal's reason.
 */
export async function findNestedRoot(
  entries: readonly Entry[],
  roots: readonly Entry[],
  layout: PathLayout,
  foldsCase: CaseProbe,
  turns: Turns,
): Promise<EntryFault | undefined> {
  const paths = new RootPaths<Entry>(pathKeys(thisPlatform, foldsCase));
  for (const root of roots) {
    if (turns.isDue()) await turns.take();
    const other = paths.add(layout.toAbsolute(root.name), root);
    if (other) return { name: root.name, why: `has the same path as ${other.name}` };
  }
  /** Stored names of roots, by the name that each would have below the root above it. */
  const renamed = new Map<string, string>();
  for (const { name } of roots) {
    if (turns.isDue()) await turns.take();
    const above = paths.nearestAbove(layout.toAbsolute(name));
    if (!above) continue;
    const { root, components } = above;
    if (root.type !== EntryType.directory) return { name, why: BELOW_LEAF };
    const between = components.slice(0, -1).map(component => `${component}/`);
    const parent = root.name + between.join('');
    if (hasEntry(entries, parent) || layout.permits(parent))
      return { name, why: `is in ${root.name} under another name` };
    renamed.set(parent + components.at(-1)!, name);
  }
  const covered = await findBelowLeaf(entries, [...renamed.keys()].sort(compareNames), turns);
  return covered === undefined ? undefined : { name: renamed.get(covered)!, why: BELOW_LEAF };
}
