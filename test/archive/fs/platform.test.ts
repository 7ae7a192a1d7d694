import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Entry } from '../../../src/archive/format/entry.ts';
import { validate } from '../../../src/archive/format/validate.ts';
import { createCaseProbe, type FoldsCase } from '../../../src/archive/fs/case-folding.ts';
import type { PathLayout } from '../../../src/archive/fs/layout.ts';
import { linkTypeOf, type Platform, platformOf } from '../../../src/archive/fs/platform.ts';
import { scratch } from '../../support/scratch.ts';
import { HEAD, layoutIn } from '../support/archives.ts';

const entry = (name: string, more: Partial<Entry> = {}): Entry => ({
  name,
  type: name.endsWith('/') ? 1 : 0,
  mode: 0o644,
  mtimeUs: 0,
  mtimeRestNs: 0,
  size: 0,
  target: '',
  linkTo: -1,
  uid: -1,
  gid: -1,
  frame: -1,
  offset: 0,
  ...more,
});

const check = (names: string[], layout: PathLayout, platform: Platform, foldsCase?: FoldsCase) =>
  validate(
    { head: HEAD, frames: [], entries: names.map(name => entry(name)) },
    0,
    layout,
    platform,
    foldsCase,
  );

describe('what a system can hold', () => {
  const windows = platformOf('win32', false);

  test.each([
    'a:b',
    'c:',
    'x<y',
    'x>y',
    'x"y',
    'x|y',
    'x?',
    'x*',
    'back\\slash',
    'tab\t',
    'dot.',
    'blank ',
    'con',
    'NUL',
    'Aux.txt',
    'com1',
    'LPT9.log',
  ])('the component %j is not valid on Windows', async name => {
    const layout = layoutIn('/w');
    expect(() => check(['./tree/', `./tree/${name}`], layout, windows)).toThrow(
      'is not a valid name on this system',
    );
    if (!name.includes('\\'))
      expect(() => check(['./tree/', `./tree/${name}/`], layout, windows)).toThrow(
        'is not a valid name on this system',
      );
    expect(() => check(['./tree/', `./tree/${name}`], layout, platformOf('linux', false))).not.toThrow();
  });

  test.each(['console', 'com', 'com10', '.hidden', 'a.b.c', 'nul-x', ' leading'])(
    'the component %j is valid on Windows',
    async name => {
      const layout = layoutIn('/w');
      const platform = { ...windows, mayFoldCase: false };
      expect(() => check(['./tree/', `./tree/${name}`], layout, platform)).not.toThrow();
    },
  );

  test('a drive letter and the anchors of stored names are not checked as components', async () => {
    const layout = { ...layoutIn('/w'), permits: (name: string) => !/^(?:~|[A-Z]:)\/$/.test(name) };
    const platform = { ...windows, mayFoldCase: false };
    expect(() => check(['C:/tools/', 'C:/tools/x', '~/cache/', '~/cache/x'], layout, platform)).not.toThrow();
  });
});

test('a share is a root only on Windows', async () => {
  const layout = { ...layoutIn('/w'), permits: (name: string) => /^\/\/server\/share\/x/.test(name) };
  const names = ['//server/share/x/', '//server/share/x/y'];
  expect(() => check(names, layout, platformOf('win32', false), () => false)).not.toThrow();
  expect(() => check(names, layout, platformOf('linux', false))).toThrow(
    'has an empty, `.` or `..` component',
  );
});

describe('names that differ only in case', () => {
  const mac = platformOf('darwin', false);
  const differs = 'differs only in case from another';
  const inWorkspace = (path: string) => path.startsWith('/w/');
  const inHome = (path: string) => path.startsWith('/h/');

  test.each([
    [['./tree/', './tree/A', './tree/a']],
    [['./tree/', './tree/A/', './tree/A/x', './tree/a']],
    [['./tree/', './tree/A/', './tree/a/']],
    [['./tree/', './tree/u\u0308', './tree/ü']],
    [['./tree/', './tree/É', './tree/é']],
    [['./tree/', './tree/ς', './tree/σ']],
  ])('the names %j are refused only if the disk folds case', async names => {
    const layout = layoutIn('/w');
    expect(() => check(names, layout, mac, () => true)).toThrow(differs);
    expect(() => check(names, layout, mac, () => false)).not.toThrow();
  });

  test.each([
    [['./tree/', './tree/strasse', './tree/straße']],
    [['./tree/', './tree/u\u0308', './tree/ü']],
    [['./tree/', './tree/fi', './tree/ﬁ']],
  ])('the names %j are different on NTFS and equal on APFS', async names => {
    const layout = layoutIn('/w');
    expect(() => check(names, layout, platformOf('win32', false), () => true)).not.toThrow();
    expect(() => check(names, layout, mac, () => true)).toThrow(differs);
  });

  test.each([['Aa'], ['Éé'], ['ῌῃ'], ['Ωω']])('the names %s are equal on NTFS', async ([upper, lower]) => {
    const names = ['./tree/', `./tree/${lower}`, `./tree/${upper}`].sort();
    const layout = layoutIn('/w');
    expect(() => check(names, layout, platformOf('win32', false), () => true)).toThrow(differs);
  });

  test('names are folded only if the disk of their root folds case', async () => {
    const layout = layoutIn('/w', ['tree', '~/tree'], '/h');
    const inTree = ['./tree/', './tree/A', './tree/a', '~/tree/', '~/tree/b'];
    expect(() => check(inTree, layout, mac, inWorkspace)).toThrow(differs);
    expect(() => check(inTree, layout, mac, inHome)).not.toThrow();
    const below = ['./tree/', '~/tree/', '~/tree/d/', '~/tree/d/A', '~/tree/d/a'];
    expect(() => check(below, layout, mac, inHome)).toThrow(differs);
    expect(() => check(below, layout, mac, inWorkspace)).not.toThrow();
  });

  test('two roots that differ only in case are refused', async () => {
    const layout = layoutIn('/w', ['Tree', 'tree']);
    const names = ['./Tree/', './tree/', './tree/x'];
    expect(() => check(names, layout, mac, () => true)).toThrow('has the same path as ./Tree/');
    expect(() => check(names, layout, mac, () => false)).not.toThrow();
  });

  test('names that differ only in case are kept on Linux without a probe', async () => {
    const layout = layoutIn('/w');
    const looked = () => expect.unreachable();
    expect(() =>
      check(['./tree/', './tree/A', './tree/a'], layout, platformOf('linux', true), looked),
    ).not.toThrow();
  });
});

describe.runIf(process.platform === 'linux')('a probe for case', () => {
  test('the case probe tests existing names at the path or above it', () => {
    const folds = createCaseProbe();
    const directory = scratch();
    expect([directory, join(directory, 'absent/a'), join(directory, 'absent/b')].map(folds)).toEqual([
      false,
      false,
      false,
    ]);
  });
});

describe('owners and modes', () => {
  test('owners are kept only by root, and never on Windows', () => {
    expect(platformOf('linux', true).keepsOwners).toBe(true);
    expect(platformOf('linux', false).keepsOwners).toBe(false);
    expect(platformOf('win32', true)).toMatchObject({ keepsOwners: false, hasModes: false, openFlags: 0 });
  });
});

describe('the type of a link on Windows', () => {
  const directories = ['D:\\w\\tree\\d', 'D:\\w\\tree', 'C:\\tools'];
  const at = 'D:\\w\\tree\\link';

  test.each([
    ['d', 'dir'],
    ['./d/', 'dir'],
    ['..\\tree\\d', 'dir'],
    ['../tree', 'dir'],
    ['D:\\w\\tree\\d\\', 'junction'],
    ['C:/tools', 'junction'],
    ['\\w\\tree', 'junction'],
    ['d/file', 'file'],
    ['nowhere', 'file'],
    ['C:\\nowhere', 'file'],
  ])('the link to %j has type %s', (target, type) => {
    expect(linkTypeOf(target, at, path => directories.includes(path.replace(/\\$/, '')))).toBe(type);
  });

  test('other systems have no link types', () => {
    expect(platformOf('win32', false).typesLinks).toBe(true);
    expect(platformOf('darwin', false).typesLinks).toBe(false);
  });
});
