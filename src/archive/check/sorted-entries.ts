import type { Entry } from '../format/entry.ts';
import { compareNames } from '../fs/paths/names.ts';

/** Returns whether the sorted entries include this name. */
export function hasEntry(entries: readonly Entry[], name: string): boolean {
  return entries[lowerBound(entries, entry => entry.name, name)]?.name === name;
}

/** Returns the index of the first of the sorted items that is not before `name`. */
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
