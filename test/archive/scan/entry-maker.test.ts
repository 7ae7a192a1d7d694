import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { EntryType } from '../../../src/archive/format/entry.ts';
import type { PathLayout } from '../../../src/archive/fs/paths/layout.ts';
import { EntryMaker } from '../../../src/archive/scan/entry-maker.ts';
import { readNode, type TreeNode } from '../../../src/archive/scan/tree-node.ts';
import { fifos, posix, requires } from '../../support/platform-needs.ts';
import { scratch } from '../../support/scratch.ts';

/** Makes entries below a new directory, whose paths are stored by their names. `follows` names links of literal paths. */
function makerOf({ follows = [] as readonly string[], exact = true } = {}) {
  const root = scratch();
  const at = (name: string) => path.join(root, name);
  const isInside = (file: string) => file === root || file.startsWith(root + path.sep);
  const layout: PathLayout = {
    toStored: absolute => (isInside(absolute) ? `./${path.relative(root, absolute)}` : absolute),
    toAbsolute: stored => path.resolve(root, stored),
    permits: stored => stored.startsWith('./'),
    dependsOnMachine: () => false,
    hasExclusions: false,
    excludes: () => false,
    followsLink: file => follows.includes(path.basename(file)),
    roots: async () => [],
  };
  const noted: string[] = [];
  const notes = {
    skipped: (file: string, why: string) => void noted.push(`${path.basename(file)}: ${why}`),
    timeOutOfRange: (file: string, limit: number) => void noted.push(`${path.basename(file)}: ${limit}`),
  };
  const read = { follow: false, exact, skip: () => {} };
  const maker = new EntryMaker(layout, notes, read);
  const node = (name: string): TreeNode => readNode(at(name), `./${name}`, read)!;
  return { at, node, maker, leaf: (name: string) => maker.leaf(node(name)), noted };
}

test(
  'a second name of a file or symlink is a hard link to the first, and a single name is none',
  requires(posix),
  () => {
    const { at, leaf } = makerOf();
    writeFileSync(at('a'), 'data');
    linkSync(at('a'), at('b'));
    linkSync(at('a'), at('c'));
    writeFileSync(at('single'), 'data');
    symlinkSync('a', at('link'));
    linkSync(at('link'), at('other-link'));
    const entries = ['a', 'b', 'c', 'single', 'link', 'other-link'].map(name => leaf(name));
    expect(entries.map(entry => [entry?.type, entry?.linkName])).toEqual([
      [EntryType.file, ''],
      [EntryType.hardLink, './a'],
      [EntryType.hardLink, './a'],
      [EntryType.file, ''],
      [EntryType.symlink, 'a'],
      [EntryType.hardLink, './link'],
    ]);
    expect(entries.map(entry => entry?.inode !== undefined)).toEqual([
      true,
      false,
      false,
      false,
      true,
      false,
    ]);
  },
);

test('an item that is no file, directory or link is skipped with the reason', requires(fifos), () => {
  const { at, leaf, noted } = makerOf();
  execFileSync('mkfifo', [at('fifo')]);
  expect(leaf('fifo')).toBeUndefined();
  expect(noted).toEqual(['fifo: neither a file, a directory nor a link']);
});

test(
  'a link below a path is kept wherever it leads, and one that a path names only inside of the paths',
  requires(posix),
  () => {
    const { at, leaf, noted } = makerOf({ follows: ['named', 'inside', 'through'] });
    mkdirSync(at('dir'));
    symlinkSync('/etc', at('below'));
    symlinkSync('/etc', at('named'));
    symlinkSync('dir', at('inside'));
    symlinkSync('below/passwd', at('through'));
    expect(['below', 'inside'].map(name => leaf(name)?.linkName)).toEqual(['/etc', 'dir']);
    expect(['named', 'through'].map(name => leaf(name))).toEqual([undefined, undefined]);
    expect(noted).toEqual([
      'named: `path` names a link that leads out of the paths',
      'through: `path` names a link that leads through another link of the cache',
    ]);
  },
);

test('a time that an archive cannot hold is noted with the limit that is saved', requires(posix), () => {
  const { at, leaf, maker, node, noted } = makerOf();
  writeFileSync(at('old'), '');
  utimesSync(at('old'), new Date(-1000), new Date(-1000));
  mkdirSync(at('late'));
  utimesSync(at('late'), 4_600_000_000, 4_600_000_000);
  writeFileSync(at('now'), '');
  leaf('old');
  maker.directory(node('late'));
  leaf('now');
  expect(noted).toEqual(['old: 1970', 'late: 2112']);
});

test('the time of a file with data is read with its data unless the status is exact', () => {
  for (const exact of [false, true]) {
    const { at, leaf } = makerOf({ exact });
    writeFileSync(at('full'), 'data');
    writeFileSync(at('empty'), '');
    for (const name of ['full', 'empty']) utimesSync(at(name), 1000, 1000);
    expect([leaf('full')?.mtimeUs, leaf('empty')?.mtimeUs]).toEqual([exact ? 1e9 : 0, 1e9]);
    expect([leaf('full')?.size, leaf('empty')?.size]).toEqual([4, 0]);
  }
});
