import { expect, test } from 'vitest';
import type { CacheEntry } from '../../../src/cache/inventory.ts';
import { barLabel, shortLabel, Tally } from '../../../src/command/stats/tally.ts';
import { drawBar } from '../../../src/command/stats/text-report.ts';

const DAY = 86_400_000;
const NOW = 1000 * DAY;

function entry(ageDays: number, idleDays: number | undefined, rest: Partial<CacheEntry> = {}): CacheEntry {
  const info = (days: number, sizeBytes: number) => ({
    name: 'n',
    sizeBytes,
    etag: 'e',
    modifiedMs: NOW - days * DAY,
  });
  return {
    kind: 'cache',
    repository: 'org/repo',
    scope: 'refs/heads/main',
    key: 'linux-npm-0123456789ab',
    version: 'v',
    object: info(ageDays, 1000),
    marker: idleDays === undefined ? undefined : info(idleDays, 0),
    ...rest,
  };
}

test('each cache is in one bar of its age and one of its last use', () => {
  const tally = new Tally();
  const caches = [entry(0, undefined), entry(1, 0.5), entry(7, undefined), entry(400, 200), entry(400, 3)];
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
  tally.add(entry(-3, -2), NOW);
  expect(tally.ages[0]?.caches).toBe(1);
  expect(tally.lastUses[0]?.caches).toBe(1);
});

test('groups are by repository, scope and the part of the key before its hash, the largest first', () => {
  const tally = new Tally();
  tally.add(entry(1, 1), NOW);
  tally.add(entry(2, 1, { scope: 'refs/pull/1/merge', key: 'linux-npm-ffffffffff00' }), NOW);
  tally.add(entry(3, 1, { scope: 'refs/pull/2/merge', repository: '' }), NOW);
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

test('over 100,000 key prefixes are one group, and their number is a lower bound', () => {
  const tally = new Tally();
  for (let index = 0; index < 100_000; index++) tally.add(entry(1, 1, { key: `k${index}x-` }), NOW);
  expect(tally.groups('keyPrefixes')).toBe('100,000');
  for (const key of ['one-', 'two-']) tally.add(entry(1, 1, { key }), NOW);
  expect(tally.largest('keyPrefixes', 1)).toMatchObject([{ name: '(others)', caches: 2 }]);
  expect(tally.groups('keyPrefixes', 1)).toBe('at least 100,000');
  expect(tally.groups('repositories', 1)).toBe('0');
});

test('a bar in the terminal is as long as its share, and visible if it is above 0', () => {
  expect([0, 0.0001, 0.5, 0.51, 1].map(share => drawBar(share, 10))).toEqual([
    '',
    '▏',
    '█████',
    '█████▏',
    '██████████',
  ]);
  expect(shortLabel({ fromDays: 180, toDays: undefined, caches: 0, bytes: 0 })).toBe('180+ d');
});
