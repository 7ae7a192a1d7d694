import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createPathLayout } from '../../../src/cache/paths/paths.ts';
import { posix as posixSystem, requires } from '../../support/platform-needs.ts';

const posix = (lines: string[], workspace = '/w/app', home = '/home/me') =>
  createPathLayout({ lines, workspace, home, platformPath: path.posix });
const windows = (lines: string[]) =>
  createPathLayout({ lines, workspace: 'D:\\a\\app', home: 'C:\\Users\\Me', platformPath: path.win32 });

test('the stored lines are those of the patterns, in the order of the input', () => {
  expect(posix(['~/.cargo', '# comment', '!~/.cargo/*.tmp']).storedLines).toEqual([
    '~/.cargo',
    '!~/.cargo/*.tmp',
  ]);
});

// Links are resolved in the system's own files
test(
  'the included paths are the parts of the lines before their wildcards, without exclusions',
  requires(posixSystem),
  () => {
    expect(posix(['deps/', 'a/de*', '!x', '~/**', '/b?', 'deps']).includedPaths()).toEqual([
      '/w/app/deps',
      '/w/app/a',
      '/home/me',
      '',
    ]);
  },
);

describe('permits', () => {
  test.each([
    ['a path permits itself', ['~/.cargo'], '~/.cargo/', true],
    ['a path permits entries below it', ['~/.cargo'], '~/.cargo/registry/x', true],
    ['a path does not permit a sibling whose name begins with it', ['~/.cargo'], '~/.cargo2', false],
    ['a path does not permit its parent', ['~/.cargo'], '~/', false],
    ['an absolute path permits names below the home directory', ['/home/me/.cargo'], '~/.cargo/x', true],
    ['a path permits names that are not UTF-8', ['~/.cargo'], '~/.cargo/\udc80', true],
    ['a wildcard permits its matches', ['build/*/out'], './build/x/out', true],
    ['a wildcard permits entries below its matches', ['build/*/out'], './build/x/out/y/z', true],
    ['a wildcard does not match a separator', ['build/*/out'], './build/x/y/out', false],
    ['a wildcard permits hidden names', ['build/*'], './build/.x', true],
    ['a globstar permits any depth', ['**/node_modules'], './a/b/node_modules/c', true],
    ['an escaped wildcard permits its character', ['a\\*b'], './a*b', true],
    ['an escaped wildcard permits no other character', ['a\\*b'], './axb', false],
    ['a path with a slash at its end permits a directory', ['cache/'], './cache/', true],
    ['a path with a slash at its end does not permit a file', ['cache/'], './cache', false],
    ['an escaped backslash permits a file of that name', ['cache/\\\\'], './cache/\\', true],
    ['an exclusion does not permit entries below it', ['a', '!a/skip'], './a/skip/x', false],
    ['an exclusion permits the other entries', ['a', '!a/skip'], './a/b', true],
    [
      'an exclusion with wildcards does not permit its matches inside',
      ['a', '!**/*.log'],
      './a/b/c.log',
      false,
    ],
    [
      'a later line permits entries below an excluded directory',
      ['a', '!a/skip', 'a/skip/keep'],
      './a/skip/keep/x',
      true,
    ],
    ['a later line permits an excluded entry', ['!a/skip', 'a'], './a/skip', true],
    ['a path permits no step up', ['~/.cargo'], '~/.cargo/../.ssh/id', false],
    ['a path permits no empty component', ['~/.cargo'], '~/.cargo//x', false],
    ['a path permits no NUL', ['~/.cargo'], '~/.cargo/x\0', false],
    ['a path does not permit entries elsewhere', ['~/.cargo'], '/etc/passwd', false],
    ['the root permits every absolute name', ['/'], '/etc/passwd', true],
  ])('%s', (_, patterns, stored, expected) => {
    expect(posix(patterns).permits(stored)).toBe(expected);
  });

  test.each([
    ['a path permits entries below it in any case', '~/.CARGO/x', true],
    ['a path permits no name with a backslash', '~/.cargo/..\\..\\x', false],
    ['a path permits no stream', '~/.cargo/x:y', false],
    ['a path permits nothing on another drive', 'E:/x', false],
  ])('on Windows, %s', (_, stored, expected) => {
    expect(windows(['~\\.cargo']).permits(stored)).toBe(expected);
  });

  test('on Windows, wildcards match in any case', () => {
    const layout = windows(['build\\*\\Out']);
    expect(layout.permits('./Build/x/out/y')).toBe(true);
    expect(layout.permits('./build/out')).toBe(false);
  });

  test('on Windows, a path on a share permits only names on that share', () => {
    const layout = windows(['\\\\server\\share\\x']);
    expect(layout.toStored('\\\\server\\share\\x')).toBe('//server/share/x');
    for (const name of ['//server/share/x/', '//Server/Share/x/y']) expect(layout.permits(name)).toBe(true);
    for (const name of ['//server/share/', '///server/share/x', '//server//x', '/server/share/x'])
      expect(layout.permits(name)).toBe(false);
    expect(posix(['/server/x']).permits('//server/x')).toBe(false);
  });

  test('wildcard characters in the name of the workspace are literal', () => {
    const layout = posix(['out/*'], '/w/[1]*');
    expect(layout.permits('./out/x')).toBe(true);
    expect(layout.toAbsolute('./out/x')).toBe('/w/[1]*/out/x');
    expect(layout.permits('/w/1/out/x')).toBe(false);
  });

  test('on Windows, a whole drive permits its entries', () => {
    const layout = windows(['C:\\', '!C:\\Windows']);
    expect(layout.permits('C:/tools/x')).toBe(true);
    expect(layout.permits('C:/Windows/x')).toBe(false);
    expect(layout.permits('E:/tools')).toBe(false);
  });

  test('thousands of lines are decided as one line is', () => {
    const lines = Array.from({ length: 20_000 }, (_, index) => `${index % 3 === 0 ? '!' : ''}d/${index}/x`);
    const layout = posix(['d', ...lines, 'd/3/x/keep']);
    for (let index = 0; index < 2000; index++) {
      expect(layout.permits(`./d/${index}/x/f`)).toBe(index % 3 !== 0);
      expect(layout.permits(`./d/${index}/y`)).toBe(true);
    }
    expect(layout.permits('./d/3/x/keep/f')).toBe(true);
  });

  test('a name of 16,000 levels is decided without a stack overflow', () => {
    const deep = `./a/${'b/'.repeat(16_000)}`;
    expect(posix(['a']).permits(deep)).toBe(true);
    expect(posix(['a', '!**/c/b']).permits(deep)).toBe(true);
    expect(posix(['**/c']).permits(deep)).toBe(false);
    expect(posix(['a', `!a/${'b/'.repeat(15_000)}`]).permits(deep)).toBe(false);
  });
});

describe('followsLink', () => {
  test('a link is followed only if a line without wildcards and without `!` names it', () => {
    const layout = posix(['c', 'p/*', '!file']);
    expect(layout.followsLink('/w/app/c')).toBe(true);
    expect(layout.followsLink('/w/app/p/a')).toBe(false);
    expect(layout.followsLink('/w/app/c/keep')).toBe(false);
    expect(layout.followsLink('/w/app/file')).toBe(false);
  });
});

describe('excludes', () => {
  let root: string;
  const at = (name: string) => path.join(root, name);
  const layoutOf = (lines: string[]) =>
    createPathLayout({ lines, workspace: root, home: at('home'), platformPath: path });

  beforeAll(() => {
    root = realpathSync(mkdtempSync(path.join(tmpdir(), 'cache-s3-paths-')));
    for (const name of ['c/keep/deep', 'c/skip/deep', 'l']) mkdirSync(at(name), { recursive: true });
    writeFileSync(at('c/keep/tmp'), '');
    symlinkSync('loop', at('l/loop'));
  });
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  test('an exclusion applies to its matches and to everything below them', () => {
    const layout = layoutOf(['c', '!c/skip/**', '!c/*/tmp/']);
    expect(layout.hasExclusions).toBe(true);
    expect(layout.excludes(at('c/skip'))).toBe(true);
    expect(layout.excludes(at('c/skip/deep/f'))).toBe(true);
    expect(layout.excludes(at('c/keep/deep/f'))).toBe(false);
    expect(layout.excludes(at('elsewhere'))).toBe(false);
  });

  test('an exclusion with a slash at its end applies to directories and not to files', () => {
    expect(layoutOf(['c', '!c/*/tmp/']).excludes(at('c/keep/tmp'))).toBe(false);
    expect(layoutOf(['c', '!c/*/deep/']).excludes(at('c/keep/deep'))).toBe(true);
  });

  test('an exclusion with a slash at its end does not apply to a loop of links', () => {
    expect(layoutOf(['l', '!l/*/']).excludes(at('l/loop'))).toBe(false);
  });

  test('without exclusions nothing is excluded', () => {
    const layout = layoutOf(['c']);
    expect(layout.hasExclusions).toBe(false);
    expect(layout.excludes(at('c/skip'))).toBe(false);
  });

  test('the decision about an entry does not depend on the entry before it', () => {
    const layout = layoutOf(['c', '!c/skip', 'c/skip/deep']);
    for (let round = 0; round < 2; round++) {
      expect(layout.excludes(at('c/skip/x'))).toBe(true);
      expect(layout.excludes(at('c/skip/deep/x'))).toBe(false);
      expect(layout.excludes(at('c/keep/x'))).toBe(false);
    }
  });
});
