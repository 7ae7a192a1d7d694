/**
 * Symlinks on Windows for a user without the right to create them. The refusal is emulated: EPERM for each symlink that is
 * not a junction, which is a symlink with an absolute target here.
 */

import { existsSync, lstatSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { failed, instead } from '../../support/file-system-calls.ts';
import { linux, requires } from '../../support/platform-needs.ts';
import { scratch } from '../../support/scratch.ts';
import { buildTree, type TreeSpec } from '../../support/tree.ts';
import { layoutIn, packTree, restoreBytes } from '../support/archives.ts';
import { usePlatform } from '../support/platform.ts';
import { staged } from './staged.ts';

const second = 1_600_000_000_000_000;
const linked: TreeSpec = {
  'tree/lib/real': { content: 'real', mtime: second },
  'tree/to-file': { symlink: 'lib/real' },
  'tree/chain': { symlink: 'to-file' },
  'tree/to-directory': { symlink: 'lib' },
};

/** Saves a tree, and returns a function that restores it as a user who may create junctions only. */
async function saved(spec: TreeSpec) {
  const { object } = await packTree(layoutIn(await buildTree(scratch(), spec)));
  usePlatform({ typesLinks: true });
  instead('symlinkSync', symlink => (target, path, type) => {
    if (type !== 'junction') throw failed('EPERM', path);
    symlink(target, path, type);
  });
  return (to: string, isWarm = false) => restoreBytes(object, layoutIn(to), { isWarm });
}

describe('a restore without the right to create symlinks', requires(linux), () => {
  test('makes copies of files of the archive, and junctions to directories', async () => {
    const restore = await saved(linked);
    const to = scratch();
    expect(await restore(to)).toMatchObject({ isPartial: false });
    for (const name of ['to-file', 'chain']) {
      const path = join(to, 'tree', name);
      expect(lstatSync(path).isFile()).toBe(true);
      expect(readFileSync(path, 'utf8')).toBe('real');
      expect(lstatSync(path, { bigint: true }).mtimeNs).toBe(BigInt(second) * 1000n);
    }
    expect(readlinkSync(join(to, 'tree/to-directory'))).toBe(join(to, 'tree/lib'));
  });

  test('leaves out a link to nothing and one to a file that is not of the archive', async () => {
    const outside = join(await buildTree(scratch(), { secret: 'secret' }), 'secret');
    const restore = await saved({
      ...linked,
      'tree/nowhere': { symlink: 'missing' },
      'tree/outside': { symlink: outside },
      'tree/new/nowhere': { symlink: 'missing' },
      'tree/new/file': 'x',
    });
    const to = await buildTree(scratch(), { 'tree/outside/mine': 'mine' });
    expect(await restore(to)).toMatchObject({ isPartial: true });
    for (const name of ['nowhere', 'new/nowhere'])
      expect(lstatSync(join(to, 'tree', name), { throwIfNoEntry: false })).toBeUndefined();
    expect(readFileSync(join(to, 'tree/outside/mine'), 'utf8')).toBe('mine');
    expect(existsSync(join(to, 'tree/to-file'))).toBe(true);
  });

  test('copies a file that a warm restore finds unchanged, and keeps the junctions', async () => {
    const restore = await saved(linked);
    const to = scratch();
    await restore(to);
    const { ino } = lstatSync(join(to, 'tree/to-directory'));
    expect(await restore(to, true)).toMatchObject({ rawBytes: 0, isPartial: false });
    expect(readFileSync(join(to, 'tree/chain'), 'utf8')).toBe('real');
    expect(lstatSync(join(to, 'tree/to-directory')).ino).toBe(ino);
  });
});

test('a link that leads through others to a directory of the archive has the type of a link to a directory', async () => {
  const types: Record<string, unknown> = {};
  instead('symlinkSync', symlink => (target, path, type) => {
    types[String(target)] = type;
    symlink(target, path, type);
  });
  const archived = {
    'tree/current': { symlink: 'latest' },
    'tree/latest': { symlink: 'v2' },
    'tree/loop': { symlink: 'pool' },
    'tree/pool': { symlink: 'loop' },
    'tree/v2/file': 'x',
  };
  await staged(archived, {}, { typesLinks: true });
  expect(types).toEqual({ latest: 'dir', v2: 'dir', pool: 'file', loop: 'file' });
});
