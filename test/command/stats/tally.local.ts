import { expect, test } from 'vitest';
import { Tally } from '../../../src/command/stats/tally.ts';
import { cacheEntry, NOW } from './cache-entry.ts';

test('over 100,000 key prefixes are one group, and their number is a lower bound', () => {
  const tally = new Tally();
  for (let index = 0; index < 100_000; index++) tally.add(cacheEntry(1, 1, { key: `k${index}x-` }), NOW);
  expect(tally.countGroups('keyPrefixes')).toBe('100,000');
  for (const key of ['one-', 'two-']) tally.add(cacheEntry(1, 1, { key }), NOW);
  expect(tally.largest('keyPrefixes', 1)).toMatchObject([{ name: '(others)', caches: 2 }]);
  expect(tally.countGroups('keyPrefixes', 1)).toBe('at least 100,000');
  expect(tally.countGroups('repositories', 1)).toBe('0');
});
