import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { rootsToWalk } from '../../../src/archive/scan/scan-roots.ts';
import { Turns } from '../../../src/archive/turns.ts';
import { slowDownLstat } from '../../support/file-system-calls.ts';
import { caseTwins, requires } from '../../support/platform-needs.ts';
import { scratch } from '../../support/scratch.ts';
import { slashed } from '../../support/slashed.ts';
import { buildTree, type TreeSpec } from '../../support/tree.ts';
import { layoutIn } from '../support/archives.ts';
import { usePlatform } from '../support/platform.ts';

/** Finds the roots that `patterns` name in a tree, and those of them that begin a walk. `during` is called in between. */
async function rootsOf(spec: TreeSpec, patterns: string[], during: (root: string) => void = () => {}) {
  const root = await buildTree(scratch(), spec);
  const layout = layoutIn(root, patterns);
  const paths = await layout.roots();
  during(root);
  const skipped: string[] = [];
  const turns = new Turns();
  const taken = vi.spyOn(turns, 'take');
  const read = {
    follow: false,
    exact: false,
    skip: (path: string, why: string) =>
      void skipped.push(`${slashed(path).slice(slashed(root).length)}: ${why}`),
  };
  const found = await rootsToWalk(layout, paths, read, turns);
  return { names: found.map(({ name }) => name), skipped, turns: taken.mock.calls.length };
}

test.each<[string[], string[]]>([
  [['tree', 'tree/a'], ['./tree/']],
  [
    ['tree/a/b', 'tree/c'],
    ['./tree/a/b', './tree/c'],
  ],
  [
    ['tree', '!tree/a', 'tree/a/b'],
    ['./tree/', './tree/a/b'],
  ],
  [['tree', '!tree/c', 'tree/a/b'], ['./tree/']],
  [
    ['tree/z', 'tree/a'],
    ['./tree/a/', './tree/z'],
  ],
])(
  'of the paths %j, only those that the walk of no other reaches begin a walk, in order',
  async (patterns, names) => {
    const spec = { 'tree/a/b': '', 'tree/c': '', 'tree/z': '' };
    expect(await rootsOf(spec, patterns)).toMatchObject({ names, skipped: [] });
  },
);

test('a link is followed if a pattern without wildcards names it', async () => {
  const spec: TreeSpec = { 'tree/link': { symlink: '../real' }, 'real/x': '' };
  expect((await rootsOf(spec, ['tree/link'])).names).toEqual(['./tree/link/']);
  expect((await rootsOf(spec, ['tree/*'])).names).toEqual(['./tree/link']);
});

test('a path behind a link that is saved as a link is skipped with the reason', async () => {
  const spec: TreeSpec = { 'a/x/file': 'x', 'real/y': 'y', 'a/link': { symlink: '../real' } };
  expect(await rootsOf(spec, ['a/*', 'a/*/y'])).toMatchObject({
    names: ['./a/link', './a/x/'],
    skipped: ['/a/link/y: behind a link that is saved as a link'],
  });
});

test('a path behind a link to a directory above it is skipped with the reason', async () => {
  const spec: TreeSpec = { 'd/a': { symlink: '.' }, 'd/x/y/f': 'f' };
  expect(await rootsOf(spec, ['*/*/x', 'd/a/x/y', 'd/x'])).toMatchObject({
    names: ['./d/x/'],
    skipped: ['/d/a/x/y: behind a link to a directory above it'],
  });
});

test('a path that has vanished begins no walk', async () => {
  const vanish = (root: string) => rmSync(join(root, 'a'));
  expect((await rootsOf({ a: '', b: '' }, ['a', 'b'], vanish)).names).toEqual(['./b']);
});

test('two names of one directory begin one walk where the disk folds case', requires(caseTwins), async () => {
  const spec = { 'Tree/a': '', 'tree/a': '' };
  usePlatform({ mayFoldCase: false });
  expect((await rootsOf(spec, ['Tree', 'tree/a'])).names).toEqual(['./Tree/', './tree/a']);
  usePlatform({ mayFoldCase: true, createCaseProbe: () => () => true });
  expect((await rootsOf(spec, ['Tree', 'tree/a'])).names).toEqual(['./Tree/']);
});

test('the roots of a slow file system are read with turns of the event loop', async () => {
  const spec = Object.fromEntries(Array.from({ length: 60 }, (_, index) => [`tree/${index}`, '']));
  const { names, turns } = await rootsOf(spec, ['tree/*'], slowDownLstat);
  expect(names).toHaveLength(60);
  expect(turns).toBeGreaterThan(0);
});
