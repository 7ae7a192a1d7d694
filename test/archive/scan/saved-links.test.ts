import { linkSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { EntryType } from '../../../src/archive/format/entry.ts';
import type { PathLayout } from '../../../src/archive/fs/paths/layout.ts';
import { readEntry } from '../../../src/archive/scan/read-entry.ts';
import { SavedLinks } from '../../../src/archive/scan/saved-links.ts';
import { posix, requires } from '../../support/platform-needs.ts';
import { scratch } from '../../support/scratch.ts';
import { RecordedNotices } from '../support/recorded-notices.ts';

/** Makes saved links below a new directory, whose paths are stored by their names. `follows` names links of literal paths. */
function linksOf(follows: readonly string[] = []) {
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
  const notices = new RecordedNotices();
  const links = new SavedLinks(layout, notices);
  const saved = (name: string) =>
    links.resolve(readEntry(at(name), `./${name}`, { follow: false, exact: true, skip() {} })!);
  return { at, saved, skipped: notices.skippedPaths };
}

test(
  'a second name of a file or symlink is a hard link to the first, and a single name is none',
  requires(posix),
  () => {
    const { at, saved } = linksOf();
    writeFileSync(at('a'), 'data');
    linkSync(at('a'), at('b'));
    linkSync(at('a'), at('c'));
    writeFileSync(at('single'), 'data');
    symlinkSync('a', at('link'));
    linkSync(at('link'), at('other-link'));
    const entries = ['a', 'b', 'c', 'single', 'link', 'other-link'].map(name => saved(name));
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

test(
  'a link below a path is kept wherever it leads, and one that a path names only inside of the paths',
  requires(posix),
  () => {
    const { at, saved, skipped } = linksOf(['named', 'inside', 'through']);
    mkdirSync(at('dir'));
    symlinkSync('/etc', at('below'));
    symlinkSync('/etc', at('named'));
    symlinkSync('dir', at('inside'));
    symlinkSync('below/passwd', at('through'));
    expect(['below', 'inside'].map(name => saved(name)?.linkName)).toEqual(['/etc', 'dir']);
    expect(['named', 'through'].map(name => saved(name))).toEqual([undefined, undefined]);
    expect(skipped).toEqual([
      `${at('named')}: \`path\` names a link that leads out of the paths`,
      `${at('through')}: \`path\` names a link that leads through another link of the cache`,
    ]);
  },
);
