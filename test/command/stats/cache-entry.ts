import type { CacheEntry } from '../../../src/cache/inventory.ts';

const DAY_MS = 86_400_000;

/** The time of the store, in ms. */
export const NOW = 1000 * DAY_MS;

/** Makes a cache of 1,000 bytes that is so many days old. `idleDays` is the time since its noted use. */
export function cacheEntry(
  ageDays: number,
  idleDays?: number,
  { sizeBytes = 1000, ...rest }: Partial<CacheEntry> & { readonly sizeBytes?: number } = {},
): CacheEntry {
  const info = (days: number, bytes: number) => ({
    name: 'n',
    sizeBytes: bytes,
    etag: 'e',
    modifiedMs: NOW - days * DAY_MS,
  });
  return {
    kind: 'cache',
    repository: 'org/repo',
    scope: 'refs/heads/main',
    key: 'linux-npm-0123456789ab',
    version: 'v',
    object: info(ageDays, sizeBytes),
    marker: idleDays === undefined ? undefined : info(idleDays, 0),
    ...rest,
  };
}
