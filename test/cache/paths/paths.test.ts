import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createPathLayout } from '../../../src/cache/paths/paths.ts';

const posix = (patterns: string[], workspace = '/w/app', home = '/home/me') =>
  createPathLayout({ patterns, workspace, home, platformPath: path.posix });
const windows = (patterns: string[]) =>
  createPathLayout({ patterns, workspace: 'D:\\a\\app', home: 'C:\\Users\\Me', platformPath: path.win32 });

describe('the lines a version is made of', () => {
  test.each([
    ['~/.cargo', '~/.cargo'],
    ['/home/me/.cargo', '~/.cargo'],
    ['~/.cargo/', '~/.cargo'],
    ['~/.cargo/**', '~/.cargo'],
    ['~', '~/'],
    ['~other/x', './~other/x'],
    ['node_modules', './node_modules'],
    ['./node_modules', './node_modules'],
    ['/w/app/node_modules', './node_modules'],
    ['.', './'],
    ['a//b/./c', './a/b/c'],
    ['../shared', '/w/shared'],
    ['-rf', './-rf'],
    ['/gnu/store', '/gnu/store'],
    ['**/node_modules', './**/node_modules'],
    ['~/x/*/y[0-9]', '~/x/*/y[0-9]'],
    ['!~/x', '!~/x'],
    ['! a/b', '!./a/b'],
    ['!!a', './a'],
  ])('%s is %s', async (line, stored) => {
    expect((await posix([line])).storedLines).toEqual([stored]);
  });

  test('comments and lines that name nothing are none', async () => {
    expect((await posix(['# the store', '', ' a ', '!', '! !'])).storedLines).toEqual(['./a']);
  });

  test('agree between runners whose workspace and home differ', async () => {
    const lines = ['~/.cache/go-build', 'target', '!target/tmp/**'];
    const here = await posix(lines);
    const there = await posix(lines, '/srv/runner/7/_work/app', '/root');
    expect(there.storedLines).toEqual(here.storedLines);
  });

  test.each([
    ['~\\.cargo', '~/.cargo'],
    ['C:\\Users\\me\\.cargo', '~/.cargo'],
    ['node_modules\\x', './node_modules/x'],
    ['d:/A/app/out', './out'],
    ['\\tools', 'D:/tools'],
    ['D:out', './out'],
    ['E:out', 'E:/out'],
    ['**\\bin\\*.dll', './**/bin/*.dll'],
  ])('on Windows %s is %s', async (line, stored) => {
    expect((await windows([line])).storedLines).toEqual([stored]);
  });
});

describe('permits', () => {
  test.each([
    ['the path itself', ['~/.cargo'], '~/.cargo/', true],
    ['what is below', ['~/.cargo'], '~/.cargo/registry/x', true],
    ['a sibling that begins alike', ['~/.cargo'], '~/.cargo2', false],
    ['the parent', ['~/.cargo'], '~/', false],
    ['an absolute spelling of the same place', ['/home/me/.cargo'], '~/.cargo/x', true],
    ['names that are not UTF-8', ['~/.cargo'], '~/.cargo/\udc80', true],
    ['a match of a wildcard', ['build/*/out'], './build/x/out', true],
    ['what is below a match', ['build/*/out'], './build/x/out/y/z', true],
    ['what a wildcard does not reach', ['build/*/out'], './build/x/y/out', false],
    ['hidden names', ['build/*'], './build/.x', true],
    ['any depth', ['**/node_modules'], './a/b/node_modules/c', true],
    ['an escaped wildcard', ['a\\*b'], './a*b', true],
    ['only the escaped wildcard', ['a\\*b'], './axb', false],
    ['a directory where only directories match', ['cache/'], './cache/', true],
    ['no file where only directories match', ['cache/'], './cache', false],
    ['a file whose name is a backslash', ['cache/\\\\'], './cache/\\', true],
    ['nothing that is taken out', ['a', '!a/skip'], './a/skip/x', false],
    ['the rest', ['a', '!a/skip'], './a/b', true],
    ['nothing taken out by a wildcard inside', ['a', '!**/*.log'], './a/b/c.log', false],
    ['what a later line takes in again', ['a', '!a/skip', 'a/skip/keep'], './a/skip/keep/x', true],
    ['what a later line includes after all', ['!a/skip', 'a'], './a/skip', true],
    ['nothing outside through ..', ['~/.cargo'], '~/.cargo/../.ssh/id', false],
    ['nothing with an empty component', ['~/.cargo'], '~/.cargo//x', false],
    ['nothing with NUL', ['~/.cargo'], '~/.cargo/x\0', false],
    ['nothing elsewhere', ['~/.cargo'], '/etc/passwd', false],
    ['no other root', ['/'], '/etc/passwd', true],
  ])('%s', async (_, patterns, stored, expected) => {
    expect((await posix(patterns)).permits(stored)).toBe(expected);
  });

  test.each([
    ['what is below, in any case', '~/.CARGO/x', true],
    ['no name with a backslash', '~/.cargo/..\\..\\x', false],
    ['no stream', '~/.cargo/x:y', false],
    ['no path of another drive', 'E:/x', false],
  ])('on Windows: %s', async (_, stored, expected) => {
    expect((await windows(['~\\.cargo'])).permits(stored)).toBe(expected);
  });

  test('on Windows: wildcards, in any case', async () => {
    const layout = await windows(['build\\*\\Out']);
    expect(layout.permits('./Build/x/out/y')).toBe(true);
    expect(layout.permits('./build/out')).toBe(false);
  });

  test('on Windows: what lies on a share', async () => {
    const layout = await windows(['\\\\server\\share\\x']);
    expect(layout.toStored('\\\\server\\share\\x')).toBe('//server/share/x');
    for (const name of ['//server/share/x/', '//Server/Share/x/y']) expect(layout.permits(name)).toBe(true);
    for (const name of ['//server/share/', '///server/share/x', '//server//x', '/server/share/x'])
      expect(layout.permits(name)).toBe(false);
    expect((await posix(['/server/x'])).permits('//server/x')).toBe(false);
  });

  test('a workspace with wildcard characters in its name is taken by its letters', async () => {
    const layout = await posix(['out/*'], '/w/[1]*');
    expect(layout.permits('./out/x')).toBe(true);
    expect(layout.toAbsolute('./out/x')).toBe('/w/[1]*/out/x');
    expect(layout.permits('/w/1/out/x')).toBe(false);
  });
});

describe('on a real tree', () => {
  let root: string;
  const at = (name: string) => path.join(root, name);
  const layoutOf = (patterns: string[]) =>
    createPathLayout({ patterns, workspace: root, home: at('home'), platformPath: path });
  const found = async (patterns: string[]) =>
    (await (await layoutOf(patterns)).roots()).map(name => path.relative(root, name) || '.').sort();

  beforeAll(() => {
    root = realpathSync(mkdtempSync(path.join(tmpdir(), 'cache-s3-paths-')));
    for (const name of ['c/keep/deep', 'c/skip/deep', 'home/.cargo', 'p/a/out', 'p/b/out', 'p/.h/out']) {
      mkdirSync(at(name), { recursive: true });
    }
    for (const name of ['c/keep/deep/f', 'c/skip/deep/f', 'p/a/out/f', '-x', 'c/keep/tmp', 'file']) {
      writeFileSync(at(name), name);
    }
    symlinkSync('nowhere', at('dangling'));
    mkdirSync(at('l'));
    symlinkSync('loop', at('l/loop'));
  });
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  test.each([
    [['c'], ['c']],
    [['c/**'], ['c']],
    [['c/', 'c', './c/**'], ['c']],
    [['missing', 'file/x'], []],
    [['file/'], []],
    [
      ['-x', '~/.cargo'],
      ['-x', 'home/.cargo'],
    ],
    [['p/*/out'], ['p/.h/out', 'p/a/out', 'p/b/out']],
    [
      ['p/*/out', '!p/b'],
      ['p/.h/out', 'p/a/out'],
    ],
    [
      ['c', '!c/skip', 'c/skip/deep'],
      ['c', 'c/skip/deep'],
    ],
    [['c', '!c'], []],
    [['dangling'], ['dangling']],
    [['l/loop'], ['l/loop']],
    [['l/loop/', 'l/loop/x', 'file'], ['file']],
    [['l', '!l/*/'], ['l']],
    [['l/*', 'l/**/x', 'l/loop/*'], ['l/loop']],
    [['file/x/*', 'p/*/out/f'], ['p/a/out/f']],
  ])('%j finds %j', async (patterns, expected) => {
    expect(await found(patterns)).toEqual(expected);
  });

  test('an exclusion takes out what is inside a directory', async () => {
    const layout = await layoutOf(['c', '!c/skip/**', '!c/*/tmp/']);
    expect(layout.hasExclusions).toBe(true);
    expect(layout.excludes(at('c/skip'))).toBe(true);
    expect(layout.excludes(at('c/skip/deep/f'))).toBe(true);
    expect(layout.excludes(at('c/keep/deep/f'))).toBe(false);
    // A file, where only directories of that name are taken out.
    expect(layout.excludes(at('c/keep/tmp'))).toBe(false);
  });

  test('a link that leads round in a circle is no directory', async () => {
    const layout = await layoutOf(['l', '!l/*/']);
    expect(layout.excludes(at('l/loop'))).toBe(false);
  });

  test.each([[''], ['/x*']])(
    'what cannot be searched is said: a name that is too long, and %j',
    async rest => {
      await expect(found([`${'n'.repeat(300)}${rest}`])).rejects.toThrow(
        /^the paths of input 'path' cannot be searched \(ENAMETOOLONG: [^;]*\)$/,
      );
    },
  );

  test('a link is followed where a line names it without wildcards', async () => {
    const layout = await layoutOf(['c', 'p/*', '!file']);
    expect(layout.followsLink(at('c'))).toBe(true);
    expect(layout.followsLink(at('p/a'))).toBe(false);
    expect(layout.followsLink(at('c/keep'))).toBe(false);
    expect(layout.followsLink(at('file'))).toBe(false);
  });

  test('without exclusions nothing is taken out', async () => {
    const layout = await layoutOf(['c']);
    expect(layout.hasExclusions).toBe(false);
    expect(layout.excludes(at('c/skip'))).toBe(false);
  });
});
