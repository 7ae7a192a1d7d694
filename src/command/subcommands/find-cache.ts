import { DamagedArchiveError, UnusableArchiveError } from '../../archive/archive-errors.ts';
import { type CacheEntry, readInventory } from '../../cache/inventory.ts';
import { parseCacheName } from '../../cache/keys/cache-names.ts';
import { countOf } from '../../report/units.ts';
import type { FoundObject } from '../../storage/archives/find-object.ts';
import { orOldest } from '../../storage/object-store.ts';
import { CommandError } from '../command-error.ts';
import type { Invocation } from '../invocation.ts';
import { type Filter, noteUnknownUse, selectCaches } from './select.ts';

/**
 * Finds the cache that the user names by its key or by the name of its object. Of several caches with the key that meet the
 * filter, returns the newest, and prints a note with the number of the others. Throws `CommandError` if there is none.
 */
export async function findCache(invocation: Invocation, wanted: string, filter: Filter): Promise<CacheEntry> {
  const { store, place, prefix, signal, output } = invocation;
  const name = parseCacheName(prefix, wanted);
  if (name !== undefined) {
    const { repository, scope } = name;
    const onMarkersRefused = noteUnknownUse(invocation);
    const items = readInventory(store, { prefix, repository, scope, signal, onMarkersRefused });
    for await (const item of items) {
      if (item.kind === 'cache' && item.object.name === wanted) return item;
    }
    throw new CommandError(`There is no object ${wanted} in ${place}.`);
  }
  let newest: CacheEntry | undefined;
  let matches = 0;
  for await (const entry of selectCaches(invocation, filter)) {
    if (entry.key !== wanted) continue;
    matches++;
    if (newest === undefined || orOldest(entry.object.modifiedMs) >= orOldest(newest.object.modifiedMs))
      newest = entry;
  }
  if (newest === undefined) {
    throw new CommandError(
      `No cache below ${prefix}/ in ${place} has the key '${wanted}'${describeFilter(filter)}: cache-s3 list shows the keys.`,
    );
  }
  if (matches > 1) {
    const others = countOf(matches - 1, 'other cache has', 'other caches have');
    output.note(
      `${others} this key; this is the newest. --repository, --scope or the name of an object selects another.`,
    );
  }
  return newest;
}

function describeFilter({ repository, scope }: Filter): string {
  return [repository && ` in ${repository}`, scope && ` with the scope ${scope}`].filter(Boolean).join('');
}

/** Awaits work on a cache's archive. Throws `CommandError` with the object's name if the archive is damaged or cannot be used. */
export async function awaitArchive<T>({ object }: CacheEntry, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof DamagedArchiveError || error instanceof UnusableArchiveError)) throw error;
    const problem = error instanceof DamagedArchiveError ? 'is damaged' : 'cannot be used here';
    throw new CommandError(`the object ${object.name} ${problem}: ${error.message}`, { cause: error });
  }
}

/** Returns a cache as the result of a lookup. */
export function toFound({ key, object }: CacheEntry): FoundObject {
  return { kind: 'found', key, ...object, tail: undefined };
}
