import { expect, test } from 'vitest';
import type { CacheEntry } from '../../../src/cache/inventory.ts';
import {
  checkFilter,
  type Filter,
  matchesFilter,
  orderCaches,
  SORTS,
} from '../../../src/command/subcommands/select.ts';
import { collect } from '../../support/collect.ts';

const DAY = 86_400_000;
const NOW = 100 * DAY;

function entry(key: string, savedMs: number | undefined, usedMs?: number, sizeBytes = 100): CacheEntry {
  const info = (name: string, modifiedMs: number | undefined) => ({ name, sizeBytes, etag: 'e', modifiedMs });
  return {
    kind: 'cache',
    repository: 'org/repo',
    scope: 'refs/heads/main',
    key,
    version: 'v',
    object: info(`o/${key}`, savedMs),
    marker: usedMs === undefined ? undefined : info(`m/${key}`, usedMs),
  };
}

test.each<[Filter, boolean]>([
  [{}, true],
  [{ repository: 'org/*' }, true],
  [{ repository: 'org' }, false],
  [{ scope: 'refs/pull/*' }, false],
  [{ key: 'k*' }, true],
  [{ olderThan: 9 * DAY }, true],
  [{ olderThan: 11 * DAY }, false],
  [{ newerThan: 9 * DAY }, false],
  [{ newerThan: 11 * DAY }, true],
  [{ unused: 1 * DAY }, false],
  [{ unused: 0.5 * DAY }, false],
  [{ unused: 0 }, true],
  [{ usedWithin: 2 * DAY }, true],
  [{ usedWithin: 0.5 * DAY }, false],
  [{ largerThan: 100, smallerThan: 100 }, true],
  [{ largerThan: 101 }, false],
  [{ smallerThan: 99 }, false],
  [{ key: 'k*', scope: 'other' }, false],
])('a cache of 100 bytes, 10 days old and used a day ago, meets %j: %s', (filter, expected) => {
  expect(matchesFilter(entry('key', NOW - 10 * DAY, NOW - DAY), filter, NOW)).toBe(expected);
});

test.each<[Filter, string | undefined]>([
  [{ olderThan: DAY, newerThan: DAY }, undefined],
  [{ olderThan: DAY + 1, newerThan: DAY }, '--older-than and --newer-than'],
  [{ unused: DAY, usedWithin: 2 * DAY }, undefined],
  [{ unused: DAY, usedWithin: 2 * DAY - 1 }, '--unused and --used-within'],
  [{ largerThan: 5, smallerThan: 5 }, undefined],
  [{ largerThan: 5, smallerThan: 4 }, '--larger-than and --smaller-than'],
])('the filter %j contradicts itself by: %s', (filter, options) => {
  if (options === undefined) checkFilter(filter);
  else expect(() => checkFilter(filter)).toThrow(`No cache can meet both ${options}.`);
});

test('a cache without a noted use was last used by its save, and a use before the save does not count', () => {
  expect(matchesFilter(entry('key', NOW - 3 * DAY), { unused: 2 * DAY }, NOW)).toBe(true);
  expect(matchesFilter(entry('key', NOW - 2.9 * DAY), { unused: 2 * DAY }, NOW)).toBe(false);
  expect(matchesFilter(entry('key', NOW - DAY, NOW - 9 * DAY), { unused: 2 * DAY }, NOW)).toBe(false);
});

test.each<Filter>([{ olderThan: 0 }, { newerThan: 1000 * DAY }, { unused: 0 }, { usedWithin: 1000 * DAY }])(
  'a cache whose time of save is not known is not selected by %j',
  filter => {
    expect(matchesFilter(entry('key', undefined), filter, NOW)).toBe(false);
    expect(matchesFilter(entry('key', undefined, NOW - 50 * DAY), filter, NOW)).toBe(false);
    expect(matchesFilter(entry('key', undefined), { key: 'key', largerThan: 1 }, NOW)).toBe(true);
  },
);

test('a cache whose last noted use has no known time is not selected by its use', () => {
  const { marker: _, ...rest } = entry('key', NOW - 50 * DAY);
  const marker = { etag: 'e', modifiedMs: undefined };
  expect(matchesFilter({ ...rest, marker }, { unused: DAY }, NOW)).toBe(false);
  expect(matchesFilter({ ...rest, marker }, { olderThan: DAY }, NOW)).toBe(true);
});

test.each(['saved', 'used'] as const)('the order %s ends with caches whose time is not known', async sort => {
  const caches = [entry('unknown', undefined), entry('old', 1), entry('new', 2)];
  const sorted = await collect(orderCaches(given(...caches), { sort }));
  expect(sorted.map(({ key }) => key)).toEqual(['new', 'old', 'unknown']);
});

async function* given(...entries: CacheEntry[]) {
  yield* entries;
}

test.each(SORTS)('the order %s, its reverse and its limit agree with a sort of all rows', async sort => {
  const entries = Array.from({ length: 3000 }, (_, index) =>
    entry(`k${(index * 7919) % 3000}`, (index * 31) % 977, (index * 17) % 1201, (index * 13) % 1999),
  );
  if (sort === 'name') entries.sort((a, b) => (a.object.name < b.object.name ? -1 : 1));
  const all = await collect(orderCaches(given(...entries), { sort }));
  const value = ({ object, key, marker }: CacheEntry) =>
    ({
      name: object.name,
      key,
      saved: -object.modifiedMs!,
      used: -Math.max(object.modifiedMs!, marker!.modifiedMs!),
      size: -object.sizeBytes,
    })[sort];
  const values = all.map(value);
  expect(values).toEqual(values.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0)));
  expect(new Set(all)).toEqual(new Set(entries));
  const reversed = await collect(orderCaches(given(...entries), { sort, reverse: true }));
  expect(reversed.map(value)).toEqual(values.toReversed());
  const few = await collect(orderCaches(given(...entries), { sort, limit: 7 }));
  expect(few).toEqual(all.slice(0, 7));
});
