import fs from 'node:fs';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { realPathOf } from '../../../src/archive/fs/file-status.ts';
import { failed, instead } from '../../support/file-system-calls.ts';
import { scratch } from '../../support/scratch.ts';
import { buildTree, describeTree } from '../../support/tree.ts';
import { layoutIn, packTree, restoreBytes } from '../support/archives.ts';
import { usePlatform } from '../support/platform.ts';

/** Lets the system resolve no path, as Windows on a RAM disk: EISDIR. */
function resolveNothing(): void {
  const { native } = fs.realpathSync;
  fs.realpathSync.native = (given => {
    throw failed('EISDIR', given);
  }) as typeof native;
  onTestFinished(() => {
    fs.realpathSync.native = native;
  });
}

test('a path that Windows cannot resolve is resolved link by link', async () => {
  const root = await buildTree(fs.realpathSync(scratch()), { 'd/file': 'x', link: { symlink: 'd' } });
  resolveNothing();
  expect(() => realPathOf(root)).toThrow('EISDIR');
  usePlatform({ resolvesAllPaths: false });
  expect(realPathOf(path.join(root, 'link/file'))).toBe(path.join(root, 'd/file'));
  expect(() => realPathOf(path.join(root, 'missing'))).toThrow('EISDIR');
});

test('a path on a mount of a Windows container, which is a link out of it, stays as it is', async () => {
  const root = await buildTree(scratch(), { 'd/file': 'x' });
  resolveNothing();
  usePlatform({ resolvesAllPaths: false });
  instead(
    'realpathSync',
    () =>
      Object.assign(
        () => {
          throw failed('ENOENT', 'ContainerMappedDirectories');
        },
        { native: fs.realpathSync.native },
      ) as never,
  );
  expect(realPathOf(path.join(root, 'd'))).toBe(path.join(root, 'd'));
  expect(() => realPathOf(path.join(root, 'missing'))).toThrow('EISDIR');
});

test('a restore and a save succeed where the system resolves no path', async () => {
  const from = await buildTree(scratch(), { 'tree/a': 'x', 'tree/sub/b': 'y' });
  const to = await buildTree(scratch(), { 'tree/sub/old': 'z' });
  resolveNothing();
  usePlatform({ resolvesAllPaths: false });
  const { object } = await packTree(layoutIn(from, ['tree/*']));
  await restoreBytes(object, layoutIn(to, ['tree/*']));
  expect(Object.keys(await describeTree(to)).sort()).toEqual([
    'tree',
    'tree/a',
    'tree/sub',
    'tree/sub/b',
    'tree/sub/old',
  ]);
});
