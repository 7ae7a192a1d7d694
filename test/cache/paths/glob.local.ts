import { Minimatch } from 'minimatch';
import { describe, expect, test } from 'vitest';
import { compileGlob, matchesPath, matchesWithin, mayMatchBelow } from '../../../src/cache/paths/glob.ts';

const globOf = (pattern: string) =>
  compileGlob(pattern.split('/').map(text => ({ text, isWild: /[*?[\\]/.test(text) })));
const matches = (pattern: string, path: string) => matchesPath(globOf(pattern), path);

describe('a glob', () => {
  test.each([
    ['*', '.hidden', true],
    ['a*c', 'ac', true],
    ['a*c', 'abcb', false],
    ['a**c', 'abbc', true],
    ['?', 'ü', true],
    ['?', '', false],
    ['[a-c]x', 'bx', true],
    ['[!a-c]x', 'bx', false],
    ['[^a-c]x', 'dx', true],
    ['[]a]', ']', true],
    ['[!]a]', ']', false],
    ['[a-]', '-', true],
    ['[c-a]x', 'bx', false],
    ['[a-a]x', 'ax', true],
    ['[a-[:alpha:]]', 'b', false],
    ['[c-ax]', 'x', true],
    ['[a\\]b]', ']', true],
    ['[[:digit:]]', '7', true],
    ['[[:alpha:]_]', '_', true],
    ['[[:alpha:]]', '7', false],
    ['[[:none:]]', ':]', true],
    ['[a', '[a', true],
    ['a\\*', 'a*', true],
    ['a\\*', 'ab', false],
    ['a\\', 'a\\', true],
    ['{a,b}', '{a,b}', true],
    ['**/x', 'x', true],
    ['**/x', 'a/b/x', true],
    ['**/x', 'a/b/y', false],
    ['a/**/b/**/c', 'a/b/c', true],
    ['a/**/b/**/c', 'a/x/b/y/c', true],
    ['a/**/b/**/c', 'a/x/c/y/b', false],
    ['a/*/b', 'a/b', false],
    ['*a/b', 'xa/b', true],
  ])('%s matches %j: %s', (pattern, path, expected) => {
    expect(matches(pattern, path)).toBe(expected);
  });

  test.each([
    ['a*', 'ab/c/d', true],
    ['a*', 'b/a', false],
    ['**/x', 'a/x/b/y', true],
    ['**/x/*', 'a/x', false],
    ['**/x/*', 'a/x/b/y', true],
    ['*/x', 'a/b/x', false],
    ['*', 'a', true],
  ])('%s matches %s or a directory above it: %s', (pattern, path, expected) => {
    expect(matchesWithin(globOf(pattern), path)).toBe(expected);
  });

  test.each([
    ['*/x', 'a', true],
    ['*/x', 'a/x', false],
    ['*/x', 'a/b', false],
    ['a*/x', 'b', false],
    ['**/x', 'a/x', true],
    ['a*/**/x', 'ab', true],
    ['a*/**/x', 'b/a', false],
  ])('%s may match something below %s: %s', (pattern, path, expected) => {
    expect(mayMatchBelow(globOf(pattern), path)).toBe(expected);
  });

  test.each([
    ['a segment with thousands of stars', '*a'.repeat(5000), 'a'.repeat(250)],
    ['a segment with a few stars in a long name', `${'*a'.repeat(30)}b`, 'a'.repeat(100_000)],
    ['hundreds of globstars', `${'**/*a/'.repeat(500)}b`, `${'a/'.repeat(1000)}a`],
    ['a long run after a globstar', `**/${'a*/'.repeat(300)}b`, `${'a/'.repeat(1000)}a`],
  ])('%s is decided without exponential time', (_, pattern, path) => {
    expect(matches(pattern, path)).toBe(false);
    expect(matchesWithin(globOf(pattern), path)).toBe(false);
    expect(mayMatchBelow(globOf(pattern), path)).toBe(pattern.includes('/'));
  });
});

/** The flags of @actions/glob 0.7.0 (internal-pattern.js). */
const FLAGS = {
  dot: true,
  nobrace: true,
  nocomment: true,
  noext: true,
  nonegate: true,
  platform: 'linux',
} as const;

test('20,000 random globs match the same paths as in minimatch, which @actions/glob uses', () => {
  let state = 1;
  const random = (below: number) => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return (state >> 8) % below;
  };
  const pick = <T>(from: readonly T[]): T => from[random(from.length)]!;
  const word = (from: readonly string[]) => Array.from({ length: 1 + random(4) }, () => pick(from)).join('');
  const inPatterns = [...'abc-[]!^*?.{(+', '[a-b]', '[!a]', '*', '\\'];
  const inNames = [...'abcz-[]!^*?.{(\\'];
  const differences: string[] = [];
  for (let i = 0; i < 20_000; i++) {
    const segments = Array.from({ length: 1 + random(4) }, () => (random(5) === 0 ? '**' : word(inPatterns)));
    const names = segments.map(segment =>
      random(3) > 0 ? segment.replace(/[*?\\[\]]/g, () => pick(['a', 'b', 'c'])) : word(inNames),
    );
    const path = names.join('/');
    // minimatch does not unescape in `*\a`, and resolves `..`
    const skipped = segments.some(text => /^[*?]+[^+@!?*[(]*\\/.test(text)) || segments.at(-1) === '**';
    if (skipped || [...segments, ...names].some(part => /^\.\.?$/.test(part))) continue;
    const glob = globOf(segments.join('/'));
    const theirs = new Minimatch(`/${segments.join('/')}`, FLAGS);
    const mayLead = segments.includes('**') || names.length < segments.length;
    const partial = mayLead && theirs.match(`/${path}`, true);
    const ours = [matchesPath(glob, path), mayMatchBelow(glob, path), matchesWithin(glob, path)];
    const within = names.some((_, end) => theirs.match(`/${names.slice(0, end + 1).join('/')}`));
    if (ours.join() !== [theirs.match(`/${path}`), partial, within].join()) {
      differences.push(`${segments.join('/')} ${path}`);
    }
  }
  expect(differences).toEqual([]);
});
