import path from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { linux, requires } from './platform-needs.ts';
import { scratch } from './scratch.ts';
import { buildTree, describeTree, type TreeSpec } from './tree.ts';

let root: string;
beforeEach(() => {
  root = scratch();
});

const spec: TreeSpec = {
  'a/b.txt': 'text',
  'a/read-only': { content: Buffer.from([0, 1]), mode: 0o444, mtime: 1_600_000_000_123_457 },
  'a/second': { hardlink: 'a/b.txt' },
  'sealed/module/x': 'y',
  sealed: { directory: true, mode: 0o555, mtime: 1_500_000_000_000_000 },
  link: { symlink: '../nowhere', mtime: 1_400_000_000_000_001 },
  empty: { directory: true },
};

test('describeTree describes a tree of buildTree, with times to the microsecond', async () => {
  const tree = await describeTree(await buildTree(path.join(root, 'x'), spec));
  expect(Object.keys(tree)).toEqual([
    'a',
    'a/b.txt',
    'a/read-only',
    'a/second',
    'empty',
    'link',
    'sealed',
    'sealed/module',
    'sealed/module/x',
  ]);
  expect(tree['a/read-only']).toEqual({
    type: 'file',
    mode: 0o444,
    mtime: 1_600_000_000_123_457,
    size: 2,
    sha256: 'b413f47d13ee2fe6c845b2ee141af81de858df4ec549a58b7970bb96645bc8d2',
  });
  expect(tree['a/second']?.names).toEqual(['a/b.txt', 'a/second']);
  expect(tree.sealed).toEqual({ type: 'directory', mode: 0o555, mtime: 1_500_000_000_000_000 });
  expect(tree.link).toMatchObject({ type: 'symlink', target: '../nowhere', mtime: 1_400_000_000_000_001 });
});

test.each([
  ['content', { 'a/b.txt': 'texT' }],
  ['mode', { 'a/read-only': { content: Buffer.from([0, 1]), mode: 0o644, mtime: 1_600_000_000_123_457 } }],
  ['mtime', { 'a/read-only': { content: Buffer.from([0, 1]), mode: 0o444, mtime: 1_600_000_000_123_458 } }],
  ['link target', { link: { symlink: '../elsewhere', mtime: 1_400_000_000_000_001 } }],
  ['a copy for a hard link', { 'a/second': 'text' }],
  ['an entry more', { 'empty/file': '' }],
] satisfies [string, TreeSpec][])('describeTree shows a difference in %s', async (_, change) => {
  const ignoreMtime = (_: string, type: string) => type === 'directory';
  const fixed = Object.fromEntries(
    Object.entries(spec).map(([name, node]) => [
      name,
      typeof node === 'string' ? { content: node, mtime: 1_000_000 } : node,
    ]),
  );
  const describe = async (name: string, tree: TreeSpec) =>
    describeTree(await buildTree(path.join(root, name), tree), { ignoreMtime });
  const first = await describe('1', fixed);
  expect(await describe('2', fixed)).toEqual(first);
  expect(await describe('3', { ...fixed, ...change })).not.toEqual(first);
});

test('buildTree and describeTree accept names that are not UTF-8', requires(linux), async () => {
  const name = `hex:${Buffer.from([0x61, 0x2f, 0xff, 0x62]).toString('hex')}`;
  const tree = await describeTree(await buildTree(root, { [name]: 'x' }));
  expect(Object.keys(tree)).toEqual(['a', name]);
});
