/** Links in the patterns of a step: a restore of the step takes whatever its save took. */

import fs from 'node:fs';
import { describe, expect, test } from 'vitest';
import { linux, requires } from '../support/platform-needs.ts';
import { scratch } from '../support/scratch.ts';
import { buildTree, describeTree, type TreeSpec } from '../support/tree.ts';
import { layoutIn, packTree, restoreBytes } from './support/archives.ts';

/** Times apart: a directory above what is restored gets a new one. */
const withoutTimes = (root: string) => describeTree(root, { ignoreMtime: () => true });

/** Saves, and restores over what was saved and into an empty place. */
async function roundTrip(spec: TreeSpec, patterns: readonly string[]) {
  const [from, to] = [await buildTree(scratch(), spec), scratch()];
  const before = await withoutTimes(from);
  const { object, skipped } = await packTree(layoutIn(from, patterns));
  await restoreBytes(object, layoutIn(from, patterns));
  expect(await withoutTimes(from)).toEqual(before);
  await restoreBytes(object, layoutIn(to, patterns));
  return {
    restored: Object.keys(await describeTree(to)),
    skipped: skipped.map(line => line.slice(from.length)),
  };
}

describe('a link to itself', () => {
  const tree: TreeSpec = { 'd/a': { symlink: 'a' }, 'd/f': 'f' };

  test.each([
    [['d/a'], ['d', 'd/a']],
    [
      ['d/a', 'd/f'],
      ['d', 'd/a', 'd/f'],
    ],
    [['d'], ['d', 'd/a', 'd/f']],
    [['d/*'], ['d', 'd/a', 'd/f']],
    [
      ['d', '!d/a/'],
      ['d', 'd/a', 'd/f'],
    ],
    [
      ['d/a/', 'd/*/', 'd/a/x', 'd/a/*', '**/f'],
      ['d', 'd/f'],
    ],
  ])('is saved as a link by the paths %j', async (patterns, expected) => {
    expect(await roundTrip(tree, patterns)).toEqual({ restored: expected, skipped: [] });
  });

  test.each([
    ['that the step names', ['a']],
    ['above it', ['a/b/c']],
  ])('is replaced by a directory of the cache %s', async (_, patterns) => {
    const from = await buildTree(scratch(), { 'a/b/c/f': 'f' });
    const to = await buildTree(scratch(), { a: { symlink: 'a' } });
    const { object } = await packTree(layoutIn(from, patterns));
    await restoreBytes(object, layoutIn(to, patterns));
    expect(Object.keys(await describeTree(to))).toEqual(['a', 'a/b', 'a/b/c', 'a/b/c/f']);
  });
});

test('a path behind an excluded link is skipped with a notice', async () => {
  const tree: TreeSpec = { 'd/a': { symlink: '../x' }, 'd/a-b': 'b', 'd/f': 'f', 'x/y': 'y' };
  expect(await roundTrip(tree, ['d', '!d/a', 'd/a/y'])).toEqual({
    restored: ['d', 'd/a-b', 'd/f'],
    skipped: ['/d/a/y: behind a link that `path` excludes'],
  });
});

describe('a link to its own directory', () => {
  const tree: TreeSpec = { 'd/a': { symlink: '.' }, 'd/x/y/f': 'f' };
  const behindCircle = 'behind a link to a directory above it';
  const behindLink = 'behind a link that is saved as a link';

  test.each([
    [['d/a/x'], ['d', 'd/a', 'd/a/x', 'd/a/x/y', 'd/a/x/y/f'], []],
    [['d'], ['d', 'd/a', 'd/x', 'd/x/y', 'd/x/y/f'], []],
    [['d/*'], ['d', 'd/a', 'd/x', 'd/x/y', 'd/x/y/f'], []],
    [['d/*', 'd/a/x'], ['d', 'd/a', 'd/x', 'd/x/y', 'd/x/y/f'], [`/d/a/x: ${behindLink}`]],
    [['*/*/x', 'd/a/x/y', 'd/x'], ['d', 'd/x', 'd/x/y', 'd/x/y/f'], [`/d/a/x/y: ${behindCircle}`]],
  ])(
    'is saved and restored by the paths %j, with a notice for skipped paths',
    async (patterns, restored, skipped) => {
      expect(await roundTrip(tree, patterns)).toEqual({ restored, skipped });
    },
  );
});

test.each([
  [['*'], ['a', 'f']],
  [['*/', 'f'], ['f']],
  [['a/*', 'a/**/x', 'f'], ['f']],
])('a dangling link is saved as a link by the paths %j', async (patterns, restored) => {
  const tree: TreeSpec = { a: { symlink: 'nowhere' }, f: 'f' };
  expect(await roundTrip(tree, patterns)).toEqual({ restored, skipped: [] });
});

test('a pattern that goes through a file does not affect the other patterns', async () => {
  const patterns = ['f/x/*', 'f/x/**/y', 'f/x', 'd'];
  expect((await roundTrip({ f: 'f', 'd/g': 'g' }, patterns)).restored).toEqual(['d', 'd/g']);
});

describe('a literal path that is a link out of the paths', () => {
  const why = '`path` names a link that leads out of the paths';

  test.each<[string, TreeSpec, readonly string[], string]>([
    ['a file', { 'a/link': { symlink: '../secret' }, secret: 's' }, ['a/link'], '/a/link'],
    ['nothing', { 'a/link': { symlink: '../nothing' } }, ['a/link'], '/a/link'],
    ['an absolute path', { 'a/link': { symlink: '/nowhere/.ssh' } }, ['a/link'], '/a/link'],
    ['a sibling', { 'a/link': { symlink: 'b' }, 'a/b': 'b' }, ['a/link'], '/a/link'],
    [
      'a directory, below another path',
      { 'a/link': { symlink: '../x' }, 'x/y': 'y' },
      ['a', 'a/link'],
      '/a/link',
    ],
  ])('is skipped with a notice when it leads to %s', async (_, tree, patterns, link) => {
    const { skipped, restored } = await roundTrip({ ...tree, f: 'f' }, [...patterns, 'f']);
    expect(skipped).toEqual([`${link}: ${why}`]);
    expect(restored).not.toContain('a/link');
    expect(restored).toContain('f');
  });

  test.each<[string, TreeSpec, readonly string[]]>([
    ['into the paths', { 'a/link': { symlink: '../b/x' }, 'b/x': 'x' }, ['a/link', 'b']],
    ['to a path with a trailing slash', { link: { symlink: 'b' } }, ['link', 'b/']],
    ['to itself', { link: { symlink: 'link' } }, ['link']],
  ])('is saved when it leads %s', async (_, tree, patterns) => {
    const { skipped, restored } = await roundTrip(tree, patterns);
    expect(skipped).toEqual([]);
    expect(restored).toContain(patterns[0]);
  });

  test.each<[string, TreeSpec, readonly string[], string]>([
    ['a file', { 'a/b': { symlink: 'c' }, 'a/c': 'c', link: { symlink: 'a/b' } }, ['link', 'a'], '/link'],
    [
      'a directory',
      { 'a/latest': { symlink: '3' }, 'a/3/bin': 'b', link: { symlink: 'a/latest/bin' } },
      ['link', 'a'],
      '/link',
    ],
    ['each other', { a: { symlink: 'b' }, b: { symlink: 'a' }, f: 'f' }, ['a', 'b', 'f'], '/a'],
  ])('is skipped when it leads through a link to %s of the cache', async (_, tree, patterns, link) => {
    const { skipped, restored } = await roundTrip(tree, patterns);
    expect(skipped[0]).toBe(`${link}: \`path\` names a link that leads through another link of the cache`);
    expect(restored).not.toContain(link.slice(1));
  });

  test('is saved when it leads through a link that is saved as a directory', async () => {
    const tree: TreeSpec = { 'd/x': 'x', l: { symlink: 'd' }, link: { symlink: 'l/x' } };
    const { skipped, restored } = await roundTrip(tree, ['link', 'l']);
    expect({ skipped, restored }).toEqual({ skipped: [], restored: ['l', 'l/x', 'link'] });
  });

  test('is saved when only a wildcard names it', async () => {
    const { skipped, restored } = await roundTrip({ 'a/link': { symlink: '../secret' } }, ['a/*']);
    expect({ skipped, restored }).toEqual({ skipped: [], restored: ['a', 'a/link'] });
  });
});

describe('hard links between symlinks', requires(linux), () => {
  /** Makes `inodes` symlinks with `names` names each, in two directories. */
  async function linkedSymlinks(inodes: number, names: number): Promise<string> {
    const from = await buildTree(scratch(), { 'd/f': 'f', 'd/e': { directory: true } });
    for (let inode = 0; inode < inodes; inode++) {
      fs.symlinkSync(`target of ${inode}`, `${from}/d/${inode}`);
      for (let name = 1; name < names; name++)
        fs.linkSync(`${from}/d/${inode}`, `${from}/d/${name % 2 ? 'e/' : ''}${inode}-${name}`);
    }
    return from;
  }

  const countInodes = (root: string) => {
    const all = fs.readdirSync(`${root}/d`, { recursive: true, withFileTypes: true });
    const links = all.filter(entry => entry.isSymbolicLink());
    const inodes = links.map(({ parentPath, name }) => fs.lstatSync(`${parentPath}/${name}`).ino);
    return [inodes.length, new Set(inodes).size];
  };

  test('210 names of 10 symlinks are 10 inodes after a restore', async () => {
    const from = await linkedSymlinks(10, 21);
    const to = scratch();
    const { object } = await packTree(layoutIn(from, ['d']));
    await restoreBytes(object, layoutIn(to, ['d']));
    expect(countInodes(to)).toEqual([210, 10]);
    expect(await describeTree(to)).toEqual(await describeTree(from));
    // Over what is there, one by one
    await restoreBytes(object, layoutIn(to, ['d']));
    expect(countInodes(to)).toEqual([210, 10]);
    expect(await describeTree(to)).toEqual(await describeTree(from));
  });
});
