import { existsSync, lstatSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { link, mkdir, readdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { TargetTreeError } from '../../../src/archive/archive-errors.ts';
import { scratch } from '../../support/scratch.ts';
import { buildTree, describeTree, type TreeSpec } from '../../support/tree.ts';
import { layoutIn, packTree, restoreBytes } from '../support/archives.ts';
import { saveAndRestore } from '../support/save-and-restore.ts';

/** Saves a tree. Returns the object and the description of the tree. */
async function saved(spec: TreeSpec, patterns?: string[]) {
  const from = await buildTree(scratch(), spec);
  const { object } = await packTree(layoutIn(from, patterns));
  return { object, expected: await describeTree(from) };
}

const module: TreeSpec = {
  'tree/mod/cache/lock': { content: '', mode: 0o644 },
  'tree/mod/x@v1/go.mod': { content: 'module x\n', mode: 0o444, mtime: 1_600_000_000_123_456 },
  'tree/mod/x@v1/deep/x.go': { content: 'package deep\n', mode: 0o444 },
  'tree/mod/x@v1/deep': { directory: true, mode: 0o555, mtime: 1_500_000_000_000_000 },
  'tree/mod/x@v1': { directory: true, mode: 0o555, mtime: 1_500_000_000_000_001 },
};

describe('a restore over an existing tree', () => {
  test('gives read-only files in read-only directories the content, modes and times of the archive', async () => {
    const { object, expected } = await saved(module);
    const to = await buildTree(scratch(), {
      'tree/mod/x@v1/go.mod': { content: 'module other\n', mode: 0o444 },
      'tree/mod/x@v1/deep/x.go': { content: 'torn', mode: 0o444 },
      'tree/mod/x@v1/deep': { directory: true, mode: 0o555 },
      'tree/mod/x@v1': { directory: true, mode: 0o555 },
    });
    await restoreBytes(object, layoutIn(to));
    expect(await describeTree(to)).toEqual(expected);
  });

  test('keeps files that the archive does not hold', async () => {
    const { object } = await saved({ 'tree/a/in-archive': 'new' });
    const to = await buildTree(scratch(), { 'tree/a/extra': 'mine', 'tree/b/extra': 'mine', other: 'mine' });
    const before = await describeTree(to);
    await restoreBytes(object, layoutIn(to));
    const after = await describeTree(to);
    for (const name of ['tree/a/extra', 'tree/b/extra', 'tree/b', 'other'])
      expect(after[name]).toEqual(before[name]);
    expect(readFileSync(join(to, 'tree/a/in-archive'), 'utf8')).toBe('new');
  });

  test('restores missing and truncated files', async () => {
    const { object, expected } = await saved({ 'tree/a/1': 'one', 'tree/a/2': 'two', 'tree/b/c/3': 'three' });
    const to = await buildTree(scratch(), { 'tree/a/2': 't', 'tree/b/c': { directory: true } });
    await restoreBytes(object, layoutIn(to));
    expect(await describeTree(to)).toEqual(expected);
  });

  test('leaves hard-linked copies elsewhere as they were', async () => {
    const { object } = await saved({
      'tree/package.json': 'new',
      'tree/second': { hardlink: 'tree/package.json' },
    });
    const to = await buildTree(scratch(), {
      'tree/package.json': { content: 'old', mtime: 1_500_000_000_000_000 },
      'store/package.json': { hardlink: 'tree/package.json' },
    });
    await restoreBytes(object, layoutIn(to));
    expect(readFileSync(join(to, 'store/package.json'), 'utf8')).toBe('old');
    expect(lstatSync(join(to, 'store/package.json')).nlink).toBe(1);
    expect(lstatSync(join(to, 'tree/package.json')).nlink).toBe(2);
  });

  test('never changes a file in place, so that an open file keeps its content', async () => {
    const { object } = await saved({ 'tree/file': 'new content' });
    const to = await buildTree(scratch(), { 'tree/file': 'old' });
    const before = lstatSync(join(to, 'tree/file')).ino;
    await link(join(to, 'tree/file'), join(to, 'kept'));
    await restoreBytes(object, layoutIn(to));
    expect(lstatSync(join(to, 'kept')).ino).toBe(before);
    expect(readFileSync(join(to, 'kept'), 'utf8')).toBe('old');
  });

  test.each([
    ['a file where a directory belongs', { 'tree/a/b': 'x' }, { 'tree/a': 'file' }],
    ['a directory where a file belongs', { 'tree/a': 'x' }, { 'tree/a/b/c': 'y', 'tree/a/d': 'z' }],
    [
      'a read-only directory where a file belongs',
      { 'tree/a': 'x' },
      { 'tree/a/b': 'y', 'tree/a': { directory: true, mode: 0o555 } },
    ],
    ['a directory where a link belongs', { 'tree/a': { symlink: 'b' } }, { 'tree/a/b': 'y' }],
    [
      'a link where a directory belongs',
      { 'tree/a/b': 'x' },
      { elsewhere: { directory: true }, 'tree/a': { symlink: '../elsewhere' } },
    ],
    ['a dangling link where a directory belongs', { 'tree/a/b': 'x' }, { 'tree/a': { symlink: 'gone' } }],
    [
      'a link where a file belongs',
      { 'tree/a': 'x' },
      { elsewhere: 'e', 'tree/a': { symlink: '../elsewhere' } },
    ],
    ['a file where the root belongs', { 'tree/a': 'x' }, { tree: 'file' }],
    [
      'a directory where a hard link belongs',
      { 'tree/0': 'x', 'tree/a': { hardlink: 'tree/0' } },
      { 'tree/a/b': 'y' },
    ],
  ] satisfies [string, TreeSpec, TreeSpec][])('replaces %s', async (_, spec, present) => {
    const { object, expected } = await saved(spec);
    const to = await buildTree(scratch(), present);
    const before = await describeTree(to);
    await restoreBytes(object, layoutIn(to));
    const { elsewhere, ...after } = await describeTree(to);
    expect(after).toEqual(expected);
    expect(elsewhere).toEqual(before.elsewhere);
  });
});

describe('a restore', () => {
  test('follows a symlink that the step names', async () => {
    const { object } = await saved({ 'tree/registry/index': 'x' });
    const to = await buildTree(scratch(), {
      'opt/cargo': { directory: true },
      tree: { symlink: 'opt/cargo' },
    });
    await restoreBytes(object, layoutIn(to));
    expect(lstatSync(join(to, 'tree')).isSymbolicLink()).toBe(true);
    expect(readFileSync(join(to, 'opt/cargo/registry/index'), 'utf8')).toBe('x');
    expect(await readdir(join(to, 'opt'))).toEqual(['cargo']);
    expect(await readdir(join(to, 'opt/cargo'))).toEqual(['registry']);
  });

  test('finds a directory in the archive for a symlink that the step names', async () => {
    const from = await buildTree(scratch(), { 'opt/cargo/bin/x': 'x', tree: { symlink: 'opt/cargo' } });
    const { to } = await saveAndRestore(from);
    expect((await describeTree(to)).tree?.type).toBe('directory');
    expect(readFileSync(join(to, 'tree/bin/x'), 'utf8')).toBe('x');
  });

  test('follows a symlink above a pattern', async () => {
    const { object } = await saved({ 'home/.cargo/registry/index': 'x' }, ['home/.cargo/registry']);
    const to = await buildTree(scratch(), { 'opt/cargo': { directory: true }, home: { directory: true } });
    await symlink('../opt/cargo', join(to, 'home/.cargo'));
    await restoreBytes(object, layoutIn(to, ['home/.cargo/registry']));
    expect(readFileSync(join(to, 'opt/cargo/registry/index'), 'utf8')).toBe('x');
    expect(lstatSync(join(to, 'home/.cargo')).isSymbolicLink()).toBe(true);
  });

  test('replaces a symlink that only a wildcard names, because an earlier archive may have made it', async () => {
    const { object } = await saved({ 'a/x/file': 'x' }, ['a/*']);
    const to = await buildTree(scratch(), { outside: { directory: true }, 'a/x': { symlink: '../outside' } });
    await restoreBytes(object, layoutIn(to, ['a/*']));
    expect(lstatSync(join(to, 'a/x')).isDirectory()).toBe(true);
    expect(await readdir(join(to, 'outside'))).toEqual([]);
  });

  test('finds no files in the archive behind a link that was saved as a link, and the save reports them', async () => {
    const from = await buildTree(scratch(), { 'a/x/file': 'x', 'real/y': 'y' });
    symlinkSync('../real', join(from, 'a/link'));
    const patterns = ['a/*', 'a/*/y'];
    const { to, skipped } = await saveAndRestore(from, patterns);
    expect(skipped).toEqual([`${join(from, 'a/link/y')}: behind a link that is saved as a link`]);
    expect(Object.keys(await describeTree(to))).toEqual(['a', 'a/link', 'a/x', 'a/x/file']);
  });
});

describe('above its roots, a restore', () => {
  test('creates missing directories', async () => {
    const { object } = await saved({ 'a/b/tree/c': 'x' }, ['a/b/tree']);
    const to = scratch();
    await restoreBytes(object, layoutIn(join(to, 'work/space'), ['a/b/tree']));
    expect(readFileSync(join(to, 'work/space/a/b/tree/c'), 'utf8')).toBe('x');
    expect(await readdir(to)).toEqual(['work']);
  });

  test.each(['a/tree', '*/tree'])(
    'fails with an error that names a file in the way, and keeps the file: %s',
    async pattern => {
      const { object } = await saved({ 'a/tree/c': 'x' }, [pattern]);
      const to = scratch();
      writeFileSync(join(to, 'a'), 'mine');
      const attempt = restoreBytes(object, layoutIn(to, [pattern]));
      await expect(attempt).rejects.toThrow(TargetTreeError);
      await expect(attempt).rejects.toThrow(
        `${join(to, 'a')} is not a directory, but the cache has entries below it; remove it or change \`path\``,
      );
      expect(readFileSync(join(to, 'a'), 'utf8')).toBe('mine');
    },
  );
});

test('a restore removes staging of another run when it is a day old, and not before', async () => {
  const { object, expected } = await saved(module);
  const to = await buildTree(scratch(), {
    'tree/.cache-s3-1-00000000-00000000/0/x': 'x',
    'tree/.cache-s3-1-00000000-00000001/0/x': 'x',
  });
  for (const [name, hours] of [
    ['00000000', 23],
    ['00000001', 25],
  ] as const) {
    const seconds = Date.now() / 1000 - hours * 3600;
    utimesSync(join(to, `tree/.cache-s3-1-00000000-${name}`), seconds, seconds);
  }
  await restoreBytes(object, layoutIn(to));
  expect((await readdir(join(to, 'tree'))).toSorted()).toEqual(['.cache-s3-1-00000000-00000000', 'mod']);
  expect(Object.keys(await describeTree(to))).toEqual(expect.arrayContaining(Object.keys(expected)));
});

test('a restore leaves no staging beside the tree or in it', async () => {
  const { object } = await saved(module);
  const to = scratch();
  await mkdir(join(to, 'tree/mod'), { recursive: true });
  await restoreBytes(object, layoutIn(to));
  expect(Object.keys(await describeTree(to)).filter(name => name.includes('.cache-s3-'))).toEqual([]);
  expect(existsSync(join(to, 'tree/mod/x@v1/deep/x.go'))).toBe(true);
});
