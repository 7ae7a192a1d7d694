import { lstatSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { TargetTreeError } from '../../../../src/archive/archive-errors.ts';
import { failed, instead } from '../../../support/file-system-calls.ts';
import { slashed } from '../../../support/slashed.ts';
import { describeTree, type TreeSpec } from '../../../support/tree.ts';
import { leftovers, staged, visible } from '../staged.ts';

/** Returns whether overlayfs can rename a directory: only if it was created after the start of the container. */
let renamed: (path: string) => boolean;

/** Simulates overlayfs with all directories except staging in a layer of the image. */
beforeEach(() => {
  renamed = path => path.includes('.cache-s3-');
  instead('renameSync', rename => (from, to) => {
    if (!renamed(String(from)) && lstatSync(from, { throwIfNoEntry: false })?.isDirectory())
      throw failed('EXDEV', from);
    rename(from, to);
  });
});

const present: TreeSpec = {
  'tree/a/deep/deeper/x': 'x',
  'tree/a/deep/hex:ff': 'bytes',
  'tree/a/deep/link': { symlink: 'deeper' },
  'tree/a/deep/deeper': { directory: true, mode: 0o555, mtime: 1_500_000_000_000_001 },
  'tree/a/deep': { directory: true, mode: 0o750, mtime: 1_500_000_000_000_002 },
  'tree/a/y': 'y',
  'tree/a': { directory: true, mode: 0o555, mtime: 1_500_000_000_000_003 },
  tree: { directory: true, mode: 0o755, mtime: 1_500_000_000_000_004 },
};

describe('an obstacle that cannot be renamed as a whole', () => {
  test.each<[string, TreeSpec]>([
    ['a file', { 'tree/a': 'new' }],
    ['a link', { 'tree/a': { symlink: 'elsewhere' } }],
  ])('is moved away for %s', async (_, archived) => {
    const { to, publish, expected } = await staged(archived, present);
    await publish();
    expect(await describeTree(to)).toEqual(expected);
  });

  test('comes back unchanged when the commit fails', async () => {
    const { to, publish, stagedAt, before } = await staged({ 'tree/a': 'new' }, present);
    rmSync(stagedAt('./tree/a'));
    await expect(publish()).rejects.toThrow(TargetTreeError);
    expect(await visible(to)).toEqual(before);
    expect(leftovers(await describeTree(to))).toEqual([]);
  });

  test.each(['tree/a/deep', 'tree/a'])('stays unchanged when %s cannot be removed', async name => {
    const { to, publish, before } = await staged({ 'tree/a': 'new' }, present);
    instead('rmdirSync', rmdir => (path, ...rest) => {
      if (slashed(path) === slashed(join(to, name))) throw failed('EBUSY', path);
      rmdir(path, ...rest);
    });
    await expect(publish()).rejects.toThrow(TargetTreeError);
    expect(await visible(to)).toEqual(before);
    expect(leftovers(await describeTree(to))).toEqual([]);
  });

  test('keeps its moved files when it can neither be moved nor put back', async () => {
    const { to, publish } = await staged({ 'tree/a': 'new' }, present);
    const busy = (path: unknown) => failed('EBUSY', path);
    instead('rmdirSync', rmdir => (path, ...rest) => {
      if (slashed(path) === slashed(join(to, 'tree/a'))) throw busy(path);
      rmdir(path, ...rest);
    });
    instead('renameSync', rename => (from, target) => {
      if (slashed(from).endsWith('/y') && String(from).includes('.cache-s3-')) throw busy(from);
      rename(from, target);
    });
    await expect(publish()).rejects.toThrow(
      /; the previous .*tree[\\/]a could not be put back; it is kept for one day in .*, in a directory \.cache-s3-\*/,
    );
    const found = await describeTree(to);
    const kept = Object.keys(found).filter(name => name.includes('.cache-s3-') && name.endsWith('/y'));
    expect(kept).toHaveLength(1);
  });
});
