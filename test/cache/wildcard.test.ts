import { expect, test } from 'vitest';
import { hasWildcard, matchesWildcard } from '../../src/cache/wildcard.ts';

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

test('many stars and a long key take no long time', () => {
  expect(matchesWildcard(`${'*a'.repeat(200)}b`, 'a'.repeat(2000))).toBe(false);
});

test('a text without a star or a question mark has no wildcard', () => {
  expect(['org/repo', 'org/*', 'a?'].map(hasWildcard)).toEqual([false, true, true]);
});
