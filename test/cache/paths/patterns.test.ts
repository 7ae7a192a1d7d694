import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { createAnchors } from '../../../src/cache/paths/anchors.ts';
import { isIncluding, parsePatterns } from '../../../src/cache/paths/patterns.ts';

const here = { workspace: '/w/app', home: '/home/me', platformPath: path.posix };
const onWindows = { workspace: 'D:\\a\\app', home: 'C:\\Users\\Me', platformPath: path.win32 };

const parse = (lines: readonly string[], options = here) => parsePatterns(lines, createAnchors(options));
const storedLines = (lines: readonly string[], options = here) =>
  parse(lines, options).map(({ storedLine }) => storedLine);

describe('the stored line, which goes into the version', () => {
  test.each([
    ['~/.cargo', '~/.cargo'],
    ['/home/me/.cargo', '~/.cargo'],
    ['~/.cargo/', '~/.cargo'],
    ['~/.cargo/**', '~/.cargo'],
    ['~', '~/'],
    ['~other/x', './~other/x'],
    ['node_modules', './node_modules'],
    ['./node_modules', './node_modules'],
    ['/w/app/node_modules', './node_modules'],
    ['.', './'],
    ['a//b/./c', './a/b/c'],
    ['../shared', '/w/shared'],
    ['../../../../x', '/x'],
    ['-rf', './-rf'],
    ['/gnu/store', '/gnu/store'],
    ['**/node_modules', './**/node_modules'],
    ['~/x/*/y[0-9]', '~/x/*/y[0-9]'],
    ['!~/x', '!~/x'],
    ['! a/b', '!./a/b'],
    ['!!a', './a'],
    ['! ! !a', '!./a'],
    ['/*', '/*'],
  ])('of %s is %s', (line, stored) => {
    expect(storedLines([line])).toEqual([stored]);
  });

  test.each([
    ['~\\.cargo', '~/.cargo'],
    ['C:\\Users\\me\\.cargo', '~/.cargo'],
    ['node_modules\\x', './node_modules/x'],
    ['d:/A/app/out', './out'],
    ['\\tools', 'D:/tools'],
    ['D:out', './out'],
    ['E:out', 'E:/out'],
    ['**\\bin\\*.dll', './**/bin/*.dll'],
  ])('of %s on Windows is %s', (line, stored) => {
    expect(storedLines([line], onWindows)).toEqual([stored]);
  });

  test('is equal on runners whose workspace and home differ', () => {
    const lines = ['~/.cache/go-build', 'target', '!target/tmp/**'];
    const there = { workspace: '/srv/runner/7/_work/app', home: '/root', platformPath: path.posix };
    expect(storedLines(lines, there)).toEqual(storedLines(lines));
  });

  test('does not exist for comments and for lines that name nothing', () => {
    expect(storedLines(['# the store', '', ' a ', '!', '! !'])).toEqual(['./a']);
  });
});

test.each(['a', '!a', '!!a', '! ! !a', '!!', '# a', '!# a', ''])(
  'isIncluding gives the line %j the sign of its pattern',
  line => {
    expect(isIncluding(line)).toBe(parse([line]).some(({ excludes }) => !excludes));
  },
);

test.each([
  ['a/b', '/w/app/a/b', false],
  ['a/*/b', '/w/app/a', true],
  ['a\\*', '/w/app', true],
  ['/', '/', false],
  ['/*', '/', true],
])('the lead of %s is %s, and it has wildcards: %s', (line, lead, wild) => {
  const [pattern] = parse([line]);
  expect([pattern?.lead, pattern?.wildcards !== undefined]).toEqual([lead, wild]);
});

test('a trailing separator is kept as a mark for directories, and a sign as an exclusion', () => {
  const flags = parse(['a/', 'a', '!a/*/']).map(({ isForDirectories, excludes }) => [
    isForDirectories,
    excludes,
  ]);
  expect(flags).toEqual([
    [true, false],
    [false, false],
    [true, true],
  ]);
  expect(parse(['a\\'], onWindows)[0]?.isForDirectories).toBe(true);
});

test('wildcards match only below their lead', () => {
  const { wildcards } = parse(['a/*/c'])[0]!;
  expect(wildcards?.matches('/w/app/a/b/c')).toBe(true);
  expect(wildcards?.matches('/w/app/ab/b/c')).toBe(false);
  expect(wildcards?.matchesWithin('/w/app/a/b/c/d')).toBe(true);
  expect(wildcards?.matchesWithin('/w/app/a/b')).toBe(false);
  expect(wildcards?.leadsTo('/w/app/a/b')).toBe(true);
  expect(wildcards?.leadsTo('/w/app/a/b/c')).toBe(false);
});

test.each([
  ['a line of 100,000 signs', '!'.repeat(100_001)],
  ['a line of 100,000 slashes', `a${'/'.repeat(100_000)}`],
  ['a line of 50,000 components', 'a/'.repeat(50_000)],
  ['a line of 50,000 steps up', '../'.repeat(50_000)],
  ['a line of 100,000 stars', `${'*'.repeat(100_000)}a`],
])('the parser of patterns accepts %s', (_, line) => {
  expect(parse([line]).length).toBeLessThan(2);
});
