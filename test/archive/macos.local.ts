/** Save and restore with the rules of macOS. The disk is that of this system, which may be another one. */

import { realpathSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { UnusableArchiveError } from '../../src/archive/archive-errors.ts';
import { posix, requires } from '../support/platform-needs.ts';
import { scratch } from '../support/scratch.ts';
import { buildTree, describeTree, type TreeSpec } from '../support/tree.ts';
import { layoutIn, packTree, restoreBytes } from './support/archives.ts';
import { platforms, usePlatform } from './support/platform.ts';
import { bent, tree } from './support/refuses.ts';
import { saveAndRestore } from './support/save-and-restore.ts';

const composed = 'caf\u00e9';
const decomposed = 'cafe\u0301';

describe('with the rules of macOS', requires(posix), () => {
  test('a tree is saved and restored, and a warm restore rewrites nothing', async () => {
    usePlatform(platforms.darwin);
    const spec: TreeSpec = {
      [`tree/${composed}/file`]: 'x',
      [`tree/d/${decomposed}`]: 'y',
      'tree/.DS_Store': 'z',
      'tree/._file': 'AppleDouble',
      'tree/run': { content: '#!', mode: 0o755 },
      'tree/second': { hardlink: 'tree/run' },
      'tree/link': { symlink: `d/${decomposed}` },
      'tree/empty': { directory: true },
    };
    const from = await buildTree(scratch(), spec);
    const { to, object, skipped } = await saveAndRestore(from);
    expect(skipped).toEqual([]);
    expect(await describeTree(to)).toEqual(await describeTree(from));
    const before = await describeTree(to, { root: true });
    expect((await restoreBytes(object, layoutIn(to), { isWarm: true })).rawBytes).toBe(0);
    expect(await describeTree(to, { root: true })).toEqual(before);
  });

  test('paths below a link of the system, as /var is one to /private/var, are saved and restored under their own names', async () => {
    usePlatform(platforms.darwin);
    const root = await buildTree(realpathSync(scratch()), {
      'private/var/cache/a': 'x',
      'private/var/cache/sub/link': { symlink: '../a' },
      var: { symlink: 'private/var' },
    });
    const layout = layoutIn(join(root, 'workspace'), [join(root, 'var/cache'), join(root, 'var/*/sub')]);
    const { object } = await packTree(layout);
    const saved = await describeTree(join(root, 'private'));
    for (const place of ['private/var/cache', 'private/var']) {
      renameSync(join(root, place), join(scratch(), 'moved'));
      if (place === 'private/var') await buildTree(root, { 'private/var': { directory: true } });
      await restoreBytes(object, layout);
      expect(await describeTree(join(root, 'private'), { ignoreMtime: name => name === 'var' })).toEqual({
        ...saved,
        var: { ...saved.var, mtime: 0 },
      });
    }
  });
});

test.each([
  ['composed and decomposed letters', [decomposed, composed]],
  ['letters of two cases', ['README', 'readme']],
])('a cache with names that differ in %s is a miss on a disk of macOS that folds case', async (_, names) => {
  usePlatform({ ...platforms.darwin, createCaseProbe: () => () => true });
  const object = bent(tree(...names.map(name => ({ name, data: 'x' }))));
  const to = scratch();
  const attempt = restoreBytes(object, layoutIn(to));
  await expect(attempt).rejects.toThrow(UnusableArchiveError);
  await expect(attempt).rejects.toThrow(`./tree/${names[1]} differs only in case`);
  expect(await describeTree(to)).toEqual({});
});
