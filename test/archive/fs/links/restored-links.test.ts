import { lstatSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { linkRow, RestoredLinks } from '../../../../src/archive/fs/links/restored-links.ts';
import { scratch } from '../../../support/scratch.ts';
import { buildTree } from '../../../support/tree.ts';

let workspace: string;
const at = (name: string) => join(workspace, name);
/** The links of these names, as a restore has made them. */
function restored(...names: string[]): RestoredLinks {
  const links = new RestoredLinks();
  links.add(names.flatMap(name => linkRow(lstatSync(at(name)))));
  return links;
}

beforeEach(async () => {
  workspace = await buildTree(scratch(), {
    'own/directory/x': 'x',
    'own/file': 'x',
    'a/directory': { symlink: '../own/directory' },
    'a/file': { symlink: '../own/file' },
    'a/nowhere': { symlink: 'nothing' },
    'own/to-a': { symlink: '../a' },
  });
});

describe('RestoredLinks.onTheWayTo', () => {
  test('finds a restored link on the way to a directory, and not as the last component of a file path', () => {
    const links = restored('a/directory', 'a/file', 'a/nowhere');
    expect(links.onTheWayTo(at('a/directory'))).toBe(at('a/directory'));
    expect(links.onTheWayTo(at('a/directory/x'))).toBe(at('a/directory'));
    for (const name of ['a', 'a/file', 'a/nowhere', 'own/file', 'own/missing', 'missing/x'])
      expect(links.onTheWayTo(at(name)), name).toBeUndefined();
  });

  test('finds a restored link to which a link of the user leads', () => {
    const links = restored('a/directory');
    expect(links.onTheWayTo(at('own/to-a/directory/x'))).toBe(at('a/directory'));
    expect(links.onTheWayTo(at('own/to-a'))).toBeUndefined();
    symlinkSync('a/../a/./directory', at('detour'));
    expect(links.onTheWayTo(at('detour/x'))).toBe(at('a/directory'));
  });

  test('finds a restored link to a file to which a link of the user leads', () => {
    symlinkSync('a/file', at('to-file'));
    expect(restored('a/file').onTheWayTo(at('to-file'))).toBe(at('a/file'));
  });

  test('finds the link behind a link whose target is absolute', () => {
    symlinkSync(at('a'), at('absolute'));
    expect(restored('a/directory').onTheWayTo(at('absolute/directory/x'))).toBe(at('a/directory'));
  });

  test('finds no link that the user has made again in place of a restored one', () => {
    const links = restored('a/directory');
    // The first inode would be used again at once
    symlinkSync('../own/directory', at('a/other'));
    rmSync(at('a/directory'));
    symlinkSync('../own/directory', at('a/directory'));
    expect(links.onTheWayTo(at('a/directory/x'))).toBeUndefined();
  });

  test('ends at links that lead round in a circle', () => {
    symlinkSync('two', at('one'));
    symlinkSync('one', at('two'));
    expect(restored('a/file').onTheWayTo(at('one/x'))).toBeUndefined();
  });

  test('follows as many links in a row as Linux does: 40', () => {
    mkdirSync(at('row'));
    symlinkSync('../a/directory', at('row/0'));
    for (let link = 1; link <= 42; link++) symlinkSync(String(link - 1), at(`row/${link}`));
    const links = restored('a/directory');
    expect(links.onTheWayTo(at('row/39/x'))).toBe(at('a/directory'));
    expect(links.onTheWayTo(at('row/40/x'))).toBeUndefined();
  });
});

test('RestoredLinks.has returns true for a restored link and for no other path', () => {
  symlinkSync('a/file', at('to-file'));
  const links = restored('a/file', 'a/directory');
  const names = ['a/file', 'a/directory', 'a/nowhere', 'own/file', 'a/directory/x', 'to-file'];
  expect(names.filter(name => links.has(at(name)))).toEqual(['a/file', 'a/directory']);
});
