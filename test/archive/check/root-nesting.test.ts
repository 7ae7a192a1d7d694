import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { DamagedArchiveError, UnusableArchiveError } from '../../../src/archive/archive-errors.ts';
import { hasEntry, lowerBound } from '../../../src/archive/check/root-nesting.ts';
import type { Entry } from '../../../src/archive/format/entry.ts';
import { posix, requires } from '../../support/platform-needs.ts';
import { scratch } from '../../support/scratch.ts';
import { buildTree, describeTree } from '../../support/tree.ts';
import { layoutIn, restoreBytes } from '../support/archives.ts';
import type { ForgedEntry } from '../support/craft.ts';
import { bent, data } from '../support/refuses.ts';

describe('one directory under two names', () => {
  const inWork = './a';
  const inHome = '~/work/r/r/a';
  /** Tries to restore into a workspace inside the home directory, as on a hosted runner. */
  async function refusesInHome(
    entries: readonly ForgedEntry[],
    patterns: string[],
    message: string,
    kind: new () => Error = UnusableArchiveError,
  ) {
    const home = await buildTree(scratch(), {
      'work/r/r/a/present': 'p',
      '.ssh/authorized_keys': 'mine',
      '.npm/k': 'old',
    });
    const before = await describeTree(home, { root: true });
    const attempt = restoreBytes(bent(entries), layoutIn(join(home, 'work/r/r'), patterns, home));
    await expect(attempt).rejects.toThrow(kind);
    await expect(attempt).rejects.toThrow(message);
    expect(await describeTree(home, { root: true })).toEqual(before);
  }

  test('a link at one name and a directory at the other are refused', async () => {
    const entries = [
      { name: inWork, target: '../../../.ssh' },
      { name: '~/.npm/' },
      { name: 'k', depth: 1, data },
      { name: `${inHome}/` },
      { name: 'authorized_keys', depth: 1, linkDistance: 2 },
    ];
    await refusesInHome(entries, ['./a', '~/.npm'], `${inHome}/ has the same path as ${inWork}`);
  });

  test('a link at one name and a directory at the other are refused with a single path', async () => {
    const entries = [
      { name: inWork, target: '../../../.ssh' },
      { name: `${inHome}/` },
      { name: 'authorized_keys', depth: 1, data },
    ];
    await refusesInHome(entries, ['a'], 'has the same path as');
  });

  test('a directory under its stored and its absolute name is refused', requires(posix), async () => {
    const home = scratch();
    const entries = [{ name: './a', target: '/tmp' }, { name: `${home}/a/` }, { name: 'x', depth: 1, data }];
    const attempt = restoreBytes(bent(entries), layoutIn(home, ['a']));
    await expect(attempt).rejects.toThrow('has the same path as');
  });

  test('an entry below a link or file of the other name is refused', async () => {
    for (const middle of [
      { name: 'm', depth: 1, target: '/tmp' },
      { name: 'm', depth: 1, data },
    ]) {
      const entries = [{ name: './a/' }, middle, { name: `${inHome}/m/skip/again/` }];
      const patterns = ['a', '!a/m/skip', 'a/m/skip/again'];
      await refusesInHome(entries, patterns, 'is below a file or link of the same archive');
    }
  });

  test('an entry below a link that is a root under the other name is refused', async () => {
    const entries = [{ name: './a', target: '/tmp' }, { name: `${inHome}/skip/again/` }];
    const patterns = ['a', '!a/skip', 'a/skip/again'];
    await refusesInHome(entries, patterns, 'is below a file or link of the same archive');
  });

  test('a root inside a directory that the archive has under the other name is refused', async () => {
    const patterns = ['~', 'a', '.'];
    const message = 'is in ~/ under another name';
    await refusesInHome([{ name: './' }, { name: '~/' }], patterns, message);
    const twice = [{ name: './a/' }, { name: '~/' }, { name: 'work', depth: 1, target: '/tmp' }];
    const parent = 'has a parent that `path` includes and the archive does not';
    await refusesInHome(twice, patterns, parent, DamagedArchiveError);
  });

  test('a root inside another one is accepted if `path` excludes it from the outer one', async () => {
    const home = await buildTree(scratch(), { 'work/r/r': { directory: true } });
    const entries = [{ name: './a/' }, { name: 'x', depth: 1, data }, { name: '~/' }];
    const layout = layoutIn(join(home, 'work/r/r'), ['~', '!~/work', 'a'], home);
    await restoreBytes(bent(entries), layout);
    expect(Object.keys(await describeTree(home))).toContain('work/r/r/a/x');
  });
});

const names = ['./a', './a-b', './a/', './a/b', '\udcff'];
const entries = names.map(name => ({ name }) as Entry);

test('hasEntry finds each entry and no other name', () => {
  expect(names.every(name => hasEntry(entries, name))).toBe(true);
  expect(['', './', './a/a', './b', '\udcfe', 'z'].some(name => hasEntry(entries, name))).toBe(false);
  expect(hasEntry([], './a')).toBe(false);
});

test('lowerBound returns the index of the first item that is not before a name in byte order', () => {
  const indexOf = (name: string) => lowerBound(names, item => item, name);
  expect(['', './a', './a!', './a/a', './z', '\udcff', '\uffff'].map(indexOf)).toEqual([0, 0, 1, 3, 4, 4, 4]);
});
