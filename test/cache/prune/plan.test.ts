import { describe, expect, test } from 'vitest';
import type { CacheEntry } from '../../../src/cache/inventory.ts';
import {
  hasRule,
  type PruneChoice,
  type PruneRules,
  planPrune,
  rulesOf,
} from '../../../src/cache/prune/plan.ts';

const DAY = 24 * 60 * 60 * 1000;
const NOW = Date.UTC(2026, 6, 1);

interface Facts {
  readonly repository?: string;
  readonly scope?: string;
  readonly version?: string;
  readonly bytes?: number;
  /** Days since the save, and since the noted use. */
  readonly saved: number | undefined;
  readonly used?: number;
}

function entry(key: string, facts: Facts): CacheEntry {
  const {
    repository = 'octo/app',
    scope = 'refs/heads/main',
    version = 'v',
    bytes = 10,
    saved,
    used,
  } = facts;
  const info = (name: string, days: number | undefined, sizeBytes: number) => ({
    name,
    sizeBytes,
    etag: 'e',
    modifiedMs: days === undefined ? undefined : NOW - days * DAY,
  });
  return {
    kind: 'cache',
    repository,
    scope,
    key,
    version,
    object: info(key, saved, bytes),
    marker: used === undefined ? undefined : info(`${key}.used`, used, 0),
  };
}

const planOf = (caches: Readonly<Record<string, Facts>>, rules: PruneRules) => {
  const { deletions, excessBytes } = planPrune(
    Object.entries(caches).map(([key, facts]) => entry(key, facts)),
    rules,
    NOW,
  );
  return { deleted: deletions.map(({ entry: { key }, reason }) => `${key}: ${reason}`), excessBytes };
};

describe('a plan', () => {
  test('without rules deletes nothing', () => {
    expect(planOf({ a: { saved: 1000 } }, {}).deleted).toEqual([]);
  });

  test('by age or use keeps caches whose time of save is not known', () => {
    const caches = { unknown: { saved: undefined }, noted: { saved: undefined, used: 900 } };
    expect(planOf(caches, { maxAgeMs: 1, unusedMs: 1 }).deleted).toEqual([]);
    expect(planOf(caches, { all: true }).deleted.toSorted()).toEqual(['noted: all', 'unknown: all']);
  });

  test('of the newest caches keeps and does not count those whose time is not known', () => {
    const caches = { old: { saved: 9 }, unknown: { saved: undefined }, new: { saved: 1 } };
    expect(planOf(caches, { all: true, keepNewest: 1 }).deleted).toEqual(['old: all']);
  });

  test('by size deletes caches whose time is not known last', () => {
    const caches = { unknown: { saved: undefined }, new: { saved: 0 }, old: { saved: 9 } };
    expect(planOf(caches, { maxSizeBytes: 10 }).deleted).toEqual(['old: size', 'new: size']);
    expect(planOf(caches, { perRepositoryBytes: 0 }).deleted.map(text => text.split(':')[0])).toEqual([
      'old',
      'new',
      'unknown',
    ]);
  });

  test('by use counts from the noted use or the save, and adds the day in which a use is noted only once', () => {
    const caches = {
      fresh: { saved: 7 },
      'a day more': { saved: 7.9 },
      idle: { saved: 8 },
      'used long ago': { saved: 40, used: 9 },
      used: { saved: 40, used: 7.5 },
      'saved after its note': { saved: 1, used: 30 },
    };
    expect(planOf(caches, { unusedMs: 7 * DAY }).deleted).toEqual(['used long ago: unused', 'idle: unused']);
  });

  test('by age counts from the save alone', () => {
    expect(planOf({ a: { saved: 31, used: 0 }, b: { saved: 29 } }, { maxAgeMs: 30 * DAY }).deleted).toEqual([
      'a: age',
    ]);
  });

  test('by size deletes the least recently used first, and no more than needed', () => {
    const caches = { a: { saved: 9, used: 1 }, b: { saved: 5 }, c: { saved: 3 }, d: { saved: 2 } };
    expect(planOf(caches, { maxSizeBytes: 25 }).deleted).toEqual(['b: size', 'c: size']);
    expect(planOf(caches, { maxSizeBytes: 40 }).deleted).toEqual([]);
    expect(planOf(caches, { maxSizeBytes: 0 }).deleted).toHaveLength(4);
  });

  test('by size of a repository leaves the other repositories, and counts before the size of all', () => {
    const lib = { repository: 'octo/lib' };
    const caches = { a: { saved: 9 }, b: { saved: 8 }, c: { saved: 7 }, x: { ...lib, saved: 20 } };
    expect(planOf(caches, { perRepositoryBytes: 20 }).deleted).toEqual(['a: repository-size']);
    expect(planOf(caches, { perRepositoryBytes: 20, maxSizeBytes: 20 }).deleted).toEqual([
      'x: size',
      'a: repository-size',
    ]);
  });

  test('does not count caches for a size that another rule deletes', () => {
    const caches = { old: { saved: 50, bytes: 100 }, a: { saved: 2 }, b: { saved: 1 } };
    expect(planOf(caches, { unusedMs: 7 * DAY, maxSizeBytes: 20 }).deleted).toEqual(['old: unused']);
  });

  test('keeps the newest of each scope and version, and reports the bytes that are over the limit then', () => {
    const caches = {
      a: { saved: 50 },
      b: { saved: 40 },
      other: { saved: 60, version: 'w' },
      pull: { saved: 70, scope: 'refs/pull/1/merge' },
    };
    const rules = { unusedMs: DAY, maxSizeBytes: 15, keepNewest: 1 };
    expect(planOf(caches, rules)).toEqual({ deleted: ['a: unused'], excessBytes: 15 });
    expect(planOf(caches, { all: true }).deleted).toHaveLength(4);
    expect(planOf(caches, { all: true, keepNewest: 1 }).deleted).toEqual(['a: all']);
  });

  test('lists all deletions least recently used first, so that a prune that is ended early has deleted those', () => {
    const caches = { a: { saved: 20 }, b: { saved: 40 }, c: { saved: 30 }, d: { saved: 1 } };
    const { deleted } = planOf(caches, { maxAgeMs: 35 * DAY, unusedMs: 25 * DAY, maxSizeBytes: 10 });
    expect(deleted).toEqual(['b: age', 'c: unused', 'a: size']);
  });
});

test.each<[string, PruneChoice]>([
  ['a scope', { scope: 'refs/pull/*' }],
  ['a key', { key: 'npm-*' }],
  ['a number of newest caches to keep', { keepNewest: 2 }],
])('%s alone deletes all chosen caches', (_, choice) => {
  expect(rulesOf(choice).all).toBe(true);
});

test.each<[string, PruneChoice]>([
  ['nothing', {}],
  ['a repository', { repository: 'org/*' }],
])('%s alone deletes no cache', (_, choice) => {
  expect(rulesOf(choice)).toEqual({ all: false });
  expect(hasRule(rulesOf(choice))).toBe(false);
});

test('the rules of a choice have none of the other options of a command', () => {
  const options = { bucket: 'ci', json: true, repository: 'org/*', maxAgeMs: 2 };
  expect(rulesOf(options)).toEqual({ all: false, maxAgeMs: 2 });
});

test.each<[string, PruneRules]>([
  ['an unused time', { unusedMs: 0 }],
  ['an age', { maxAgeMs: 2 }],
  ['a size', { maxSizeBytes: 0 }],
  ['a size of each repository', { perRepositoryBytes: 4 }],
])('with %s, a scope and a key only narrow what is deleted', (_, limit) => {
  const rules = rulesOf({ ...limit, scope: 's', key: 'k', keepNewest: 3 });
  expect(rules).toEqual({ all: false, keepNewest: 3, ...limit });
  expect(hasRule(rules)).toBe(true);
});
