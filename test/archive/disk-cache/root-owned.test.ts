import * as fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { isRootOwned } from '../../../src/archive/disk-cache/root-owned.ts';
import { requires, root } from '../../support/platform-needs.ts';
import { scratch } from '../../support/scratch.ts';

/** Returns a directory in a directory, both of root. */
function nested(): { readonly parent: string; readonly directory: string } {
  const parent = path.join(fs.realpathSync(scratch()), 'parent');
  const directory = path.join(parent, 'frames');
  fs.mkdirSync(directory, { recursive: true });
  fs.chmodSync(parent, 0o755);
  fs.chmodSync(directory, 0o777);
  return { parent, directory };
}

test('root owns a directory that all users may write to, but not replace', requires(root), () => {
  const { parent, directory } = nested();
  expect(isRootOwned(directory)).toBe(true);
  fs.chmodSync(parent, 0o1777);
  expect(isRootOwned(directory)).toBe(true);
});

test('root does not own a directory that others own, or could replace', requires(root), () => {
  const { parent, directory } = nested();
  fs.chmodSync(parent, 0o777);
  expect(isRootOwned(directory)).toBe(false);
  fs.chmodSync(parent, 0o755);
  fs.chownSync(parent, 65534, 65534);
  expect(isRootOwned(directory)).toBe(false);
  fs.chownSync(parent, 0, 0);
  fs.chownSync(directory, 65534, 65534);
  expect(isRootOwned(directory)).toBe(false);
});

test(
  'root owns a path with links only if root owns each link, and no other user can replace it',
  requires(root),
  () => {
    const { parent, directory } = nested();
    const link = path.join(parent, 'link');
    fs.symlinkSync('frames', link);
    expect(isRootOwned(link)).toBe(true);
    expect(isRootOwned(`${parent}/./link/../frames/`)).toBe(true);
    fs.lchownSync(link, 65534, 65534);
    expect(isRootOwned(link)).toBe(false);
    // The link of root is in a directory of another user, and leads to one of root
    const others = path.join(parent, 'others');
    fs.mkdirSync(others);
    fs.symlinkSync(directory, path.join(others, 'link'));
    expect(isRootOwned(path.join(others, 'link'))).toBe(true);
    fs.chownSync(others, 65534, 65534);
    expect(isRootOwned(path.join(others, 'link'))).toBe(false);
    // The same at the second link
    fs.symlinkSync('others/link', path.join(parent, 'chain'));
    expect(isRootOwned(path.join(parent, 'chain'))).toBe(false);
  },
);

test('isRootOwned throws ELOOP for a path whose links lead in a circle', requires(root), () => {
  const { parent } = nested();
  fs.symlinkSync('b', path.join(parent, 'a'));
  fs.symlinkSync('a', path.join(parent, 'b'));
  expect(() => isRootOwned(path.join(parent, 'a'))).toThrow(expect.objectContaining({ code: 'ELOOP' }));
});
