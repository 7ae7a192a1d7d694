import { expect, test } from 'vitest';
import { EntryType, inodeOf, parentName } from '../../../src/archive/format/entry.ts';
import { entryOf } from '../support/entry-of.ts';

test.each([
  ['./a/b', './a/'],
  ['./a/b/', './a/'],
  ['./a', './'],
  ['/gnu/store/', '/gnu/'],
  ['/gnu/', '/'],
  ['/gnu', '/'],
  ['/', ''],
  ['~/', ''],
  ['C:/', ''],
])('the parent of %s is %j', (name, parent) => {
  expect(parentName(name)).toBe(parent);
});

test('a hard link is a name of the entry that it links to, and each other entry one of itself', () => {
  const file = entryOf('./tree/a', EntryType.file);
  const link = entryOf('./tree/b', EntryType.hardLink, { linkTo: 0 });
  expect([file, link].map(entry => inodeOf(entry, [file, link]))).toEqual([file, file]);
});
