import { type CacheEntry, lastUseMs } from '../../cache/inventory.ts';
import { formatAgeOf, formatBytes } from '../../report/units.ts';
import type { Invocation } from '../invocation.ts';
import { writeJsonArray } from '../output/json.ts';
import { writeTable } from '../output/table.ts';
import { type Filter, type OrderOptions, orderCaches, selectCaches } from './select.ts';

/** Lists the caches of the store. */
export async function listCaches(invocation: Invocation, options: Filter & OrderOptions): Promise<void> {
  const { output, store } = invocation;
  const caches = orderCaches(selectCaches(invocation, options), options);
  if (output.json) await writeJsonArray(output, mapAsync(caches, jsonRow));
  else
    await writeTable(
      output,
      COLUMNS,
      mapAsync(caches, row => tableRow(row, store.nowMs)),
    );
}

/** Returns the JSON of a cache, which is the same in all subcommands. */
export function jsonRow({ object, marker, repository, scope, key, version }: CacheEntry) {
  return {
    key,
    repository,
    scope,
    version,
    object: object.name,
    etag: object.etag,
    bytes: object.sizeBytes,
    /** Time of the save. Null if it is not known. */
    savedAt: isoTime(object.modifiedMs),
    /** Time of the last use. Null if no use is noted, or its time is not known. */
    lastUsedAt: isoTime(marker?.modifiedMs),
  };
}

/** Returns a time in ms since 1970 in the form of ISO 8601. Returns null if it is not known. */
export function isoTime(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}

const COLUMNS = [
  { title: 'REPOSITORY' },
  { title: 'SCOPE' },
  { title: 'KEY' },
  { title: 'SAVED', align: 'right' },
  { title: 'LAST USE', align: 'right' },
  { title: 'SIZE', align: 'right' },
] as const;

function tableRow(entry: CacheEntry, nowMs: number): string[] {
  const { repository, scope, key, object, marker } = entry;
  return [
    repository === '' ? '-' : repository,
    scope,
    key,
    formatAgeOf(object.modifiedMs, nowMs),
    marker === undefined ? '-' : formatAgeOf(lastUseMs(entry), nowMs),
    formatBytes(object.sizeBytes),
  ];
}

async function* mapAsync<T, U>(items: AsyncIterable<T>, convert: (item: T) => U): AsyncGenerator<U> {
  for await (const item of items) yield convert(item);
}
