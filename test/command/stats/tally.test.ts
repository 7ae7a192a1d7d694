import { expect, test } from 'vitest';
import { barLabel, shortLabel, Tally } from '../../../src/command/stats/tally.ts';
import { cacheEntry, NOW } from './cache-entry.ts';

test('each cache is in one bar of its age and one of its last use', () => {
  const tally = new Tally();
  const caches = [cacheEntry(0), cacheEntry(1, 0.5), cacheEntry(7), cacheEntry(400, 200), cacheEntry(400, 3)];
  for (const cache of caches) tally.add(cache, NOW);
  const filled = (bars: Tally['ages']) =>
    bars.filter(({ caches }) => caches > 0).map(bar => [barLabel(bar), bar.caches, bar.bytes]);
  expect(filled(tally.ages)).toEqual([
    ['under 1 d', 1, 1000],
    ['1 to 2 d', 1, 1000],
    ['7 to 14 d', 1, 1000],
    ['180 d and more', 2, 2000],
  ]);
  expect(filled(tally.lastUses)).toEqual([
    ['under 1 d', 2, 2000],
    ['2 to 4 d', 1, 1000],
    ['7 to 14 d', 1, 1000],
    ['180 d and more', 1, 1000],
  ]);
  expect(tally.all).toEqual({ caches: 5, bytes: 5000 });
  expect(tally.marked.caches).toBe(3);
  expect(tally.unused.map(({ days, caches }) => [days, caches])).toEqual([
    // A use may be a day later than its note
    [3, 2],
    [7, 1],
    [14, 1],
    [30, 1],
    [60, 1],
    [90, 1],
  ]);
});

test('a cache with a time in the future is in the first bar', () => {
  const tally = new Tally();
  tally.add(cacheEntry(-3, -2), NOW);
  expect(tally.ages[0]?.caches).toBe(1);
  expect(tally.lastUses[0]?.caches).toBe(1);
});

test('groups are by repository, scope and the part of the key before its hash, the largest first', () => {
  const tally = new Tally();
  tally.add(cacheEntry(1, 1), NOW);
  tally.add(cacheEntry(2, 1, { scope: 'refs/pull/1/merge', key: 'linux-npm-ffffffffff00' }), NOW);
  tally.add(cacheEntry(3, 1, { scope: 'refs/pull/2/merge', repository: '' }), NOW);
  const names = (kind: 'repositories' | 'scopes' | 'keyPrefixes') =>
    tally.largest(kind, 9).map(({ name, caches }) => [name, caches]);
  expect(names('repositories')).toEqual([
    ['org/repo', 2],
    ['(shared by all)', 1],
  ]);
  expect(names('scopes')).toEqual([
    ['refs/pull/*', 2],
    ['refs/heads/main', 1],
  ]);
  expect(names('keyPrefixes')).toEqual([['linux-npm-', 3]]);
  expect(tally.largest('scopes', 1)).toHaveLength(1);
});

test('a bar has one label for a table and a short one for the axis of a plot', () => {
  const { ages } = new Tally();
  expect([ages[0]!, ages[1]!, ages.at(-1)!].map(barLabel)).toEqual([
    'under 1 d',
    '1 to 2 d',
    '180 d and more',
  ]);
  expect([ages[0]!, ages[1]!, ages.at(-1)!].map(shortLabel)).toEqual(['<1 d', '1-2 d', '180+ d']);
});

test('a cache whose time is not known is in no bar, and is not the last use of its group', () => {
  const tally = new Tally();
  const { object } = cacheEntry(1);
  tally.add(
    cacheEntry(1, undefined, { object: { ...object, modifiedMs: undefined }, repository: 'org/unknown' }),
    NOW,
  );
  tally.add(cacheEntry(1, undefined, { object: { ...object, modifiedMs: undefined } }), NOW);
  tally.add(cacheEntry(3), NOW);
  expect(tally.all.caches).toBe(3);
  expect(tally.unknownTime).toEqual({ caches: 2, bytes: 2000 });
  for (const bars of [tally.ages, tally.lastUses, tally.unused])
    expect(Math.max(...bars.map(({ caches }) => caches))).toBeLessThanOrEqual(1);
  const uses = tally.largest('repositories', 9).map(({ name, lastUseMs }) => [name, lastUseMs]);
  expect(uses).toEqual([
    ['org/repo', object.modifiedMs! - 2 * 86_400_000],
    ['org/unknown', undefined],
  ]);
});
