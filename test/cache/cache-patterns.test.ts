import { expect, test } from 'vitest';
import { isRepositoryPattern, matchesPatterns, placeOfPatterns } from '../../src/cache/cache-patterns.ts';
import type { CacheEntry } from '../../src/cache/inventory.ts';

const entry = { repository: 'octo/app', scope: 'refs/pull/7/merge', key: 'go-1' } as CacheEntry;

test.each([
  [{}, true],
  [{ repository: 'octo/*', scope: 'refs/pull/*', key: 'go-?' }, true],
  [{ repository: 'octo/other' }, false],
  [{ scope: 'refs/heads/*' }, false],
  [{ repository: 'octo/app', key: 'go' }, false],
])('the patterns %o match a cache of octo/app: %s', (patterns, isMatch) => {
  expect(matchesPatterns(entry, patterns)).toBe(isMatch);
});

test.each([
  [undefined, undefined],
  ['octo/app', 'octo/app'],
  ['octo/*', undefined],
  ['octo/ap?', undefined],
])('of the pattern %o only %o need be listed', (pattern, text) => {
  expect(placeOfPatterns({ repository: pattern, scope: pattern, key: pattern })).toEqual({
    repository: text,
    scope: text,
  });
});

test.each([
  ['octo/app', true],
  ['octo/*', true],
  ['*', true],
  ['', false],
  ['octo', false],
])('%o is a pattern of a repository: %s', (pattern, expected) => {
  expect(isRepositoryPattern(pattern)).toBe(expected);
});
