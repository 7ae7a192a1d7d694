import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { create } from '@actions/glob';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createAnchors } from '../../../src/cache/paths/anchors.ts';
import { parsePatterns } from '../../../src/cache/paths/patterns.ts';
import { search, type WildPattern } from '../../../src/cache/paths/search.ts';
import { linux, requires, symlinks } from '../../support/platform-needs.ts';
import { slashed } from '../../support/slashed.ts';

let root: string;
const at = (name: string) => path.join(root, name);

beforeAll(() => {
  root = realpathSync(mkdtempSync(path.join(tmpdir(), 'cache-s3-search-')));
  for (const name of ['p/a/out/deep', 'p/b/out', 'p/.h/out', 'p/[1]', 'out/p/a', 'outside', 'w']) {
    mkdirSync(at(name), { recursive: true });
  }
  for (const name of ['p/a/out/f', 'p/a/out/deep/f', 'p/b/f', 'p/[1]/f', 'out/p/a/f.txt', 'outside/f', 'f']) {
    writeFileSync(at(name), name);
  }
  symlinkSync('b', at('p/link'));
  symlinkSync('../f', at('p/file-link'));
  symlinkSync(at('outside'), at('out/elsewhere'));
  symlinkSync('..', at('p/a/up'));
  mkdirSync(at('q/x/y'), { recursive: true });
  symlinkSync('../..', at('q/x/y/top'));
  symlinkSync('.', at('w/self'));
  symlinkSync('nowhere', at('w/dangling'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

async function found(
  lines: readonly string[],
  searchesFound = true,
  signal?: AbortSignal,
): Promise<string[]> {
  const anchors = createAnchors({ workspace: root, home: at('home'), platformPath: path });
  const patterns = parsePatterns(lines, anchors) as readonly WildPattern[];
  const paths = new Set(
    await search(patterns, { toComparable: anchors.toComparable, searchesFound, signal }),
  );
  return [...paths].map(name => slashed(path.relative(root, name))).sort();
}

async function foundByActions(lines: readonly string[]): Promise<string[]> {
  // It prints each step of its search
  vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  const globber = await create(lines.map(at).join('\n'), { implicitDescendants: false });
  return [...new Set(await globber.glob())].map(name => slashed(path.relative(root, name))).sort();
}

describe('the search finds the same paths as actions/cache', () => {
  test.each([
    [['*']],
    [['*/']],
    [['**/f']],
    [['**/f*']],
    [['**/out']],
    [['**/out/']],
    [['**/out/*']],
    [['**/out/**/f']],
    [['*/*/out']],
    [['p/*/*']],
    [['p/.*/out']],
    [['p/?']],
    [['p/[ab]/*']],
    [['p/[[]1]/*']],
    [['p/*/up/*']],
    [['*.txt', '**/*.txt']],
    [['**/f', 'p/a/*', 'out/**/f']],
    [['missing/*', 'p/missing/**/x']],
    [['p/[!a]/*']],
    [['p/\\[1]/*']],
    [['[p]/[.]h/*']],
    [['p/b*/', 'p/b*']],
    [['p//*//f', 'p/**/**/f']],
    [['p/[b', 'p/{a,b}', 'p/@(a|b)', 'P/*']],
    [['p/a/up/*']],
    [['p/a/**/a']],
    [['p/a/**/a/*']],
    [['q/x/y/**/y']],
    [['w/*']],
    [['w/**/*']],
  ])('the lines %j find the same paths', async lines => {
    const theirs = await foundByActions(lines);
    const ours = await found(lines);
    expect(ours.filter(name => theirs.includes(name))).toEqual(theirs);
    // actions/cache ignores links to missing targets and links that lead back
    const more = ours.filter(name => !theirs.includes(name)).map(at);
    expect(more.every(name => lstatSync(name).isSymbolicLink())).toBe(true);
    expect(more.filter(existsSync).every(name => name.startsWith(realpathSync(name)))).toBe(true);
  });
});

test('a link that is found is entered, since it is saved as a link', requires(symlinks), async () => {
  expect(await found(['p/*', 'p/*/out'], false)).toContain('p/link/out');
});

test('a directory that is saved as a whole is not searched', requires(symlinks), async () => {
  expect(await found(['**/out'], true)).toContain('p/link/out');
  expect(await found(['p/a/**/*'], true)).toContain('p/a/out/deep/f');
  expect(await found(['p/a/**/*'], false)).not.toContain('p/a/out/deep');
});

test('the search finds a name that is not UTF-8', requires(linux), async () => {
  const name = Buffer.concat([Buffer.from(at('w/')), Buffer.from([0xff, 0x78])]);
  writeFileSync(name, '');
  expect(await found(['w/*x', '**/?x'])).toEqual(['w/\udcffx']);
});

test('the search enters a link whose name or target is not UTF-8', requires(linux), async () => {
  const inside = (name: string) => Buffer.concat([Buffer.from(at(name)), Buffer.from([0xff])]);
  mkdirSync(at('raw'));
  mkdirSync(inside('raw/d'));
  symlinkSync(inside('raw/d'), at('raw/a'));
  symlinkSync('.', inside('raw/up'));
  symlinkSync('../p/b', inside('raw/b'));
  writeFileSync(Buffer.concat([inside('raw/d'), Buffer.from('/f')]), '');
  expect(await found(['raw/**/f'])).toEqual(['raw/a/f', 'raw/b\udcff/f', 'raw/d\udcff/f']);
});
