import path from 'node:path';
import { expect, test } from 'vitest';
import { createAnchors } from '../../../src/cache/paths/anchors.ts';
import { PatternDecider } from '../../../src/cache/paths/pattern-decider.ts';
import { parsePatterns } from '../../../src/cache/paths/patterns.ts';

const anchors = createAnchors({ workspace: '/w', home: '/home/me', platformPath: path.posix });

function deciderOf(...lines: string[]) {
  const patterns = parsePatterns(lines, anchors);
  const decider = new PatternDecider(patterns);
  const decide = (name: string, isDirectory = false) => {
    const pattern = decider.decide(name, () => isDirectory);
    return pattern && lines[patterns.indexOf(pattern)];
  };
  return { decide, decider };
}

test('the last pattern that matches a path or a directory above it decides', () => {
  const { decide } = deciderOf('tree', '!tree/skip', 'tree/skip/keep', '!tree/skip/keep/x');
  const names = [
    '/w/tree',
    '/w/tree/a/b',
    '/w/tree/skip/a',
    '/w/tree/skip/keep/a',
    '/w/tree/skip/keep/x',
    '/w/other',
  ];
  expect(names.map(name => decide(name))).toEqual([
    'tree',
    'tree',
    '!tree/skip',
    'tree/skip/keep',
    '!tree/skip/keep/x',
    undefined,
  ]);
});

test('patterns with and without wildcards decide in the order of their lines', () => {
  const { decide } = deciderOf('tree', '!**/*.log', 'tree/keep.log', '!tree/a/*');
  expect(
    ['/w/tree/x', '/w/tree/x.log', '/w/tree/keep.log', '/w/tree/a/keep'].map(name => decide(name)),
  ).toEqual(['tree', '!**/*.log', 'tree/keep.log', '!tree/a/*']);
});

test('a pattern that ends in a slash decides on directories, and on all that is in them', () => {
  const { decide } = deciderOf('tree/*/', 'tree/lit/');
  expect([decide('/w/tree/x', true), decide('/w/tree/x'), decide('/w/tree/x/y')]).toEqual([
    'tree/*/',
    undefined,
    'tree/*/',
  ]);
  expect([decide('/w/tree/lit', true), decide('/w/tree/lit')]).toEqual(['tree/lit/', undefined]);
});

test('a decision about one directory is not used for another', () => {
  const { decide } = deciderOf('a', '!b');
  expect(['/w/a/x', '/w/b/x', '/w/a/x', '/w/x'].map(name => decide(name))).toEqual([
    'a',
    '!b',
    'a',
    undefined,
  ]);
});

test('only a pattern without wildcards and without ! names a path literally', () => {
  const { decider } = deciderOf('tree/a', 'tree/*', '!tree/b', 'tree/c', '!tree/c');
  expect(
    ['/w/tree/a', '/w/tree/b', '/w/tree/c', '/w/tree/d', '/w/tree/a/x'].map(name =>
      decider.includesLiteral(name),
    ),
  ).toEqual([true, false, true, false, false]);
});
