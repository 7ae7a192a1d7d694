import { expect, test } from 'vitest';
import { Anchor, hasPlainComponents, parseStoredName } from '../../../../src/archive/fs/paths/stored-name.ts';

test.each<[string, keyof typeof Anchor, string, string]>([
  ['./', 'workspace', './', ''],
  ['./a/b/', 'workspace', './', 'a/b'],
  ['~/.cargo', 'home', '~/', '.cargo'],
  ['/', 'root', '/', ''],
  ['/gnu/store/', 'root', '/', 'gnu/store'],
  ['C:/Tools', 'root', 'C:/', 'Tools'],
  ['//server/share/x', 'root', '//', 'server/share/x'],
  ['///x', 'root', '/', '//x'],
  ['.cargo/x', 'root', '', '.cargo/x'],
  ['~me/x', 'root', '', '~me/x'],
  ['../x', 'root', '', '../x'],
  ['x', 'root', '', 'x'],
  ['', 'root', '', ''],
])('the stored name %j has the anchor %s, which is %j, and %j below it', (stored, anchor, start, below) => {
  expect(parseStoredName(stored, true)).toEqual({ anchor: Anchor[anchor], start, below });
});

test('a name of two slashes has an empty component where there are no shares', () => {
  const name = parseStoredName('//server/share', false);
  expect(name).toEqual({ anchor: Anchor.root, start: '/', below: '/server/share' });
  expect(hasPlainComponents(name)).toBe(false);
  expect(hasPlainComponents(parseStoredName('//server/share', true))).toBe(true);
});

test.each(['./a//b', './a/./b', '~/..', '/a/../b', './a//'])(
  'a component of %j is not the name of a child',
  stored => {
    expect(hasPlainComponents(parseStoredName(stored, false))).toBe(false);
  },
);

test.each(['./', '/', './.a/..b/...', 'C:/a'])('each component of %j is the name of a child', stored => {
  expect(hasPlainComponents(parseStoredName(stored, false))).toBe(true);
});
