import { describe, expect, test } from 'vitest';
import { DamagedArchiveError, UnusableArchiveError } from '../../../src/archive/archive-errors.ts';
import { validate } from '../../../src/archive/check/validate.ts';
import type { Entry } from '../../../src/archive/format/entry.ts';
import type { CaseProbe } from '../../../src/archive/fs/paths/case-folding.ts';
import type { PathLayout } from '../../../src/archive/fs/paths/layout.ts';
import type { Platform } from '../../../src/archive/fs/platform.ts';
import { HEAD, layoutIn } from '../support/archives.ts';
import { entryOf } from '../support/entry-of.ts';
import { platforms, usePlatform } from '../support/platform.ts';

const entry = (name: string, more?: Partial<Entry>) => entryOf(name, name.endsWith('/') ? 1 : 0, more);

function check(names: string[], layout: PathLayout, platform: Platform, foldsCase?: CaseProbe) {
  usePlatform({ ...platform, ...(foldsCase && { createCaseProbe: () => foldsCase }) });
  return validate({ head: HEAD, frames: [], entries: names.map(name => entry(name)) }, 0, layout);
}

describe('lengths', () => {
  const long = {
    path: /has a path of \d+ \w+ here, but this system allows \d+/,
    name: /has a component of more than \d+ \w+, the limit of this system/,
  };
  /** A name below `./tree/` whose path in the workspace `/w` has this many bytes. */
  const nameOfPath = (bytes: number) => {
    const below = 'd'.repeat(99);
    const name = `./tree/${`${below}/`.repeat(Math.floor((bytes - 8) / 100) - 1)}`;
    return name + 'x'.repeat(bytes - 1 - name.length);
  };
  const checkRoot = async (name: string, platform: Platform) => {
    const layout = { ...layoutIn('/w'), permits: (stored: string) => stored === name };
    return check([name], layout, platform, () => false);
  };

  test.each<[string, keyof typeof platforms, string, RegExp | undefined]>([
    ['a path of 4,095 bytes on Linux', 'linux', nameOfPath(4095), undefined],
    ['a path of 4,096 bytes on Linux', 'linux', nameOfPath(4096), long.path],
    ['a directory whose path has 4,095 bytes on Linux', 'linux', `${nameOfPath(4095)}/`, undefined],
    ['a directory whose path has 4,096 bytes on Linux', 'linux', `${nameOfPath(4096)}/`, long.path],
    ['a path of 1,023 bytes on macOS', 'darwin', nameOfPath(1023), undefined],
    ['a path of 1,024 bytes on macOS', 'darwin', nameOfPath(1024), long.path],
    ['a path of 4,096 characters on Windows', 'win32', nameOfPath(4096), undefined],
    ['a name of 255 bytes on Linux', 'linux', `./${'n'.repeat(255)}`, undefined],
    ['a name of 256 bytes on Linux', 'linux', `./${'n'.repeat(256)}`, long.name],
    ['a name of 258 bytes in 86 characters on Linux', 'linux', `./${'日'.repeat(86)}`, long.name],
    ['a name of 255 characters on Windows', 'win32', `./${'日'.repeat(255)}`, undefined],
    ['a name of 256 characters on Windows', 'win32', `./${'n'.repeat(256)}`, long.name],
    ['a component of 256 bytes on Linux', 'linux', `./${'n'.repeat(256)}/x`, long.name],
  ])('%s', async (_, system, name, message) => {
    const attempt = checkRoot(name, platforms[system]);
    if (message === undefined) await expect(attempt).resolves.toBeDefined();
    else {
      await expect(attempt).rejects.toThrow(UnusableArchiveError);
      await expect(attempt).rejects.toThrow(message);
    }
  });

  test('an archive that is damaged too is reported as damaged', async () => {
    const names = ['./tree/', `./tree/${'n'.repeat(256)}`, './tree//'];
    await expect(check(names, layoutIn('/w'), platforms.linux)).rejects.toThrow(DamagedArchiveError);
  });
});

describe('what a system can hold', () => {
  const windows = platforms.win32;

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
    '\x01',
    'caf\udce9',
    '\udced\udca0\udc80',
  ])('the component %j is not valid on Windows', async name => {
    const layout = layoutIn('/w');
    await expect(check(['./tree/', `./tree/${name}`], layout, windows)).rejects.toThrow(
      'has a name that is not valid on this system',
    );
    if (!name.includes('\\'))
      await expect(check(['./tree/', `./tree/${name}/`], layout, windows)).rejects.toThrow(
        'has a name that is not valid on this system',
      );
    await expect(check(['./tree/', `./tree/${name}`], layout, platforms.linux)).resolves.toBeDefined();
  });

  test.each([
    ...['con', 'NUL', 'aux.js', 'prn.txt', 'com0', 'com1', 'com¹', 'LPT9.log', 'CONIN$', 'clock$'],
    ...['dot.', 'blank ', '...', '.. ', '.hidden', ' leading', '日本', '\u007f'],
  ])('the component %j is valid on Windows', async name => {
    const layout = layoutIn('/w');
    const platform = { ...windows, mayFoldCase: false };
    await expect(check(['./tree/', `./tree/${name}`], layout, platform)).resolves.toBeDefined();
  });

  test('a name that is not UTF-8 is valid only on Linux', async () => {
    const layout = layoutIn('/w');
    const names = ['./tree/', './tree/caf\udce9'];
    await expect(check(names, layout, platforms.linux)).resolves.toBeDefined();
    for (const platform of [platforms.darwin, windows]) {
      await expect(check(names, layout, platform)).rejects.toThrow(UnusableArchiveError);
      await expect(check(names, layout, platform)).rejects.toThrow('is not valid on this system');
    }
  });

  test('a drive letter and the anchors of stored names are not checked as components', async () => {
    const layout = { ...layoutIn('/w'), permits: (name: string) => !/^(?:~|[A-Z]:)\/$/.test(name) };
    const platform = { ...windows, mayFoldCase: false };
    await expect(
      check(['C:/tools/', 'C:/tools/x', '~/cache/', '~/cache/x'], layout, platform),
    ).resolves.toBeDefined();
  });
});

test('a share is a root only on Windows', async () => {
  const layout = { ...layoutIn('/w'), permits: (name: string) => /^\/\/server\/share\/x/.test(name) };
  const names = ['//server/share/x/', '//server/share/x/y'];
  await expect(check(names, layout, platforms.win32, () => false)).resolves.toBeDefined();
  await expect(check(names, layout, platforms.linux)).rejects.toThrow('has an empty, `.` or `..` component');
});

describe('names that differ only in case', () => {
  const mac = platforms.darwin;
  const differs = 'differs only in case from another';
  const inWorkspace = (path: string) => /^(?:[A-Z]:)?[\\/]w[\\/]/.test(path);
  const inHome = (path: string) => /^(?:[A-Z]:)?[\\/]h[\\/]/.test(path);

  test.each([
    [['./tree/', './tree/A', './tree/a']],
    [['./tree/', './tree/A/', './tree/A/x', './tree/a']],
    [['./tree/', './tree/A/', './tree/a/']],
    [['./tree/', './tree/u\u0308', './tree/ü']],
    [['./tree/', './tree/É', './tree/é']],
    [['./tree/', './tree/ς', './tree/σ']],
  ])('the names %j are refused only if the disk folds case', async names => {
    const layout = layoutIn('/w');
    await expect(check(names, layout, mac, () => true)).rejects.toThrow(differs);
    await expect(check(names, layout, mac, () => false)).resolves.toBeDefined();
  });

  test.each([
    [['./tree/', './tree/strasse', './tree/straße']],
    [['./tree/', './tree/u\u0308', './tree/ü']],
    [['./tree/', './tree/fi', './tree/ﬁ']],
  ])('the names %j are different on NTFS and equal on APFS', async names => {
    const layout = layoutIn('/w');
    await expect(check(names, layout, platforms.win32, () => true)).resolves.toBeDefined();
    await expect(check(names, layout, mac, () => true)).rejects.toThrow(differs);
  });

  test.each([['Aa'], ['Éé'], ['ῌῃ'], ['Ωω']])('the names %s are equal on NTFS', async ([upper, lower]) => {
    const names = ['./tree/', `./tree/${lower}`, `./tree/${upper}`].sort();
    const layout = layoutIn('/w');
    await expect(check(names, layout, platforms.win32, () => true)).rejects.toThrow(differs);
  });

  test('names are folded only if the disk of their root folds case', async () => {
    const layout = layoutIn('/w', ['tree', '~/tree'], '/h');
    const inTree = ['./tree/', './tree/A', './tree/a', '~/tree/', '~/tree/b'];
    await expect(check(inTree, layout, mac, inWorkspace)).rejects.toThrow(differs);
    await expect(check(inTree, layout, mac, inHome)).resolves.toBeDefined();
    const below = ['./tree/', '~/tree/', '~/tree/d/', '~/tree/d/A', '~/tree/d/a'];
    await expect(check(below, layout, mac, inHome)).rejects.toThrow(differs);
    await expect(check(below, layout, mac, inWorkspace)).resolves.toBeDefined();
  });

  test('two roots that differ only in case are refused', async () => {
    const layout = layoutIn('/w', ['Tree', 'tree']);
    const names = ['./Tree/', './tree/', './tree/x'];
    await expect(check(names, layout, mac, () => true)).rejects.toThrow('has the same path as ./Tree/');
    await expect(check(names, layout, mac, () => false)).resolves.toBeDefined();
  });

  test('names that differ only in case are kept on Linux without a probe', async () => {
    const layout = layoutIn('/w');
    const looked = () => expect.unreachable();
    await expect(
      check(['./tree/', './tree/A', './tree/a'], layout, platforms.linux, looked),
    ).resolves.toBeDefined();
  });
});
