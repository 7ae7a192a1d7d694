import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, lstatSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { posix, requires, root } from '../../support/platform-needs.ts';
import { scratch } from '../../support/scratch.ts';
import { name, save } from './save-object.ts';

/** Modes of the store's directories and of its one object, in octal. */
function modes(root: string): string[] {
  const paths = ['', 'v1', 'v1/key', name].map(below => path.join(root, below));
  return paths.map(each => (lstatSync(each).mode & 0o7777).toString(8));
}

describe('the objects of a directory store', requires(posix), () => {
  test.each([
    ['private in a directory that the store makes', undefined, ['700', '700', '700', '600']],
    ['private in a directory that others may only read', 0o755, ['755', '755', '755', '600']],
    ['shared with the group that may write to it', 0o2770, ['2770', '2770', '2770', '640']],
    ['shared with all who may write to it', 0o1777, ['1777', '1777', '1777', '644']],
  ])('are %s', async (_, mode, expected) => {
    const root = path.join(scratch(), 'store');
    if (mode !== undefined) {
      mkdirSync(root);
      chmodSync(root, mode);
    }
    // A strict and a loose umask make no difference
    const umask = process.umask();
    onTestFinished(() => void process.umask(umask));
    for (const strictness of [0o077, 0o000]) {
      process.umask(strictness);
      const store = path.join(root, '..', `store-${strictness}`);
      execFileSync('sh', ['-c', '[ ! -e "$1" ] || cp -a "$1" "$2"', 'sh', root, store]);
      await save(store);
      expect(modes(store)).toEqual(expected);
    }
  });
});

test.each([
  ['an existing directory', true],
  ['a directory that the store makes', false],
])('root gives what it writes to the owner of %s', requires(root), async (_, isThere) => {
  const parent = scratch();
  const root = path.join(parent, 'store');
  if (isThere) mkdirSync(root);
  chownSync(isThere ? root : parent, 65534, 65533);
  await save(root);
  const owners = ['', 'v1', 'v1/key', name].map(below => lstatSync(path.join(root, below)));
  expect(owners.map(({ uid, gid }) => [uid, gid])).toEqual(Array(4).fill([65534, 65533]));
});
