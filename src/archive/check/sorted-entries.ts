import type { Entry } from '../format/entry.ts';
import { compareNames } from '../fs/paths/names.ts';

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
