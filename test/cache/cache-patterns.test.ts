import { expect, test } from 'vitest';
import {
  hasWildcard,
  isRepositoryPattern,
  matchesPatterns,
  matchesWildcard,
  placeOfPatterns,
} from '../../src/cache/cache-patterns.ts';
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
])('for the pattern %o the listing is limited to %o', (pattern, text) => {
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

test.each([
  ['refs/pull/*', 'refs/pull/12/merge'],
  ['*', ''],
  ['*', 'a/b'],
  ['', ''],
  ['a?c', 'abc'],
  ['*-main', 'x-main-main'],
  ['a*b*c', 'a--b-b--c'],
  ['a.c', 'a.c'],
  ['**', 'x'],
])('the pattern %j matches %j', (pattern, text) => {
  expect(matchesWildcard(pattern, text)).toBe(true);
});

test.each([
  ['refs/pull/*', 'refs/heads/main'],
  ['', 'a'],
  ['a?c', 'ac'],
  ['a.c', 'abc'],
  ['a', 'ab'],
  ['a*b*c', 'a-c-b'],
  ['[a]', 'a'],
])('the pattern %j does not match %j', (pattern, text) => {
  expect(matchesWildcard(pattern, text)).toBe(false);
});

test('a pattern of many stars is matched quickly with a long key', () => {
  expect(matchesWildcard(`${'*a'.repeat(200)}b`, 'a'.repeat(2000))).toBe(false);
});

test('a text without a star or a question mark has no wildcard', () => {
  expect(['org/repo', 'org/*', 'a?'].map(hasWildcard)).toEqual([false, true, true]);
});
