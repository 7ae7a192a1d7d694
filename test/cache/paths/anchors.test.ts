import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseStoredName } from '../../../src/archive/fs/paths/stored-name.ts';
import { type Anchors, createAnchors } from '../../../src/cache/paths/anchors.ts';

const absoluteOf = (anchors: Anchors, stored: string) =>
  anchors.toAbsolute(parseStoredName(stored, anchors.isWindows));

describe('on POSIX', () => {
  const anchors = createAnchors({
    workspace: '/home/me/_work/app/app',
    home: '/home/me/',
    platformPath: path.posix,
  });

  test.each([
    ['/home/me/_work/app/app', './'],
    ['/home/me/_work/app/app/node_modules', './node_modules'],
    ['/home/me/_work/app/app2', '~/_work/app/app2'],
    ['/home/me', '~/'],
    ['/home/me/.cargo/registry', '~/.cargo/registry'],
    ['/home/meg/x', '/home/meg/x'],
    ['/gnu/store', '/gnu/store'],
    ['/', '/'],
    ['/home/me/a\\b: c\n', '~/a\\b: c\n'],
    ['/home/me/\udc80\udcff', '~/\udc80\udcff'],
  ])('the path %j has the stored name %j, which is mapped back', (absolute, stored) => {
    expect(anchors.toStored(absolute)).toBe(stored);
    expect(absoluteOf(anchors, stored)).toBe(absolute);
  });

  test('slashes at the end of a path have no effect, however many', () => {
    expect(anchors.toStored('/home/me/.cargo/')).toBe('~/.cargo');
    expect(absoluteOf(anchors, '~/.cargo/')).toBe('/home/me/.cargo');
    expect(anchors.toStored(`/gnu/store${'/'.repeat(100_000)}`)).toBe('/gnu/store');
    expect(anchors.toStored('/'.repeat(100_000))).toBe('/');
    const home = `/home/me${'/'.repeat(100_000)}`;
    expect(createAnchors({ workspace: '/w', home, platformPath: path.posix }).home).toBe('/home/me');
  });

  test('the case of letters counts', () => {
    expect(anchors.toStored('/HOME/me/x')).toBe('/HOME/me/x');
  });

  test('a workspace or home of / maps nothing, but stored names of other runners are mapped to it', () => {
    const rooted = createAnchors({ workspace: '/', home: '/', platformPath: path.posix });
    expect(rooted.toStored('/x/y')).toBe('/x/y');
    expect(rooted.toStored('/')).toBe('/');
    expect(absoluteOf(rooted, '~/x')).toBe('/x');
    expect(absoluteOf(rooted, './x')).toBe('/x');
  });

  test.each(['//home///me//', '/home/./me/', '/home/you/../me', '/home/me/.'])(
    'a home directory spelled %j is the same as /home/me',
    home => {
      const odd = createAnchors({ workspace: '/w', home, platformPath: path.posix });
      expect(odd.home).toBe('/home/me');
      expect(odd.toStored('/home/me/.cargo')).toBe('~/.cargo');
      expect(absoluteOf(odd, '~/.cargo')).toBe('/home/me/.cargo');
    },
  );

  test('a workspace with relative steps is the same as without them', () => {
    const odd = createAnchors({ workspace: '/w//x/../app/', home: '/root', platformPath: path.posix });
    expect(odd.toStored('/w/app/target')).toBe('./target');
  });
});

describe('on Windows', () => {
  const anchors = createAnchors({
    workspace: 'D:\\a\\app\\app',
    home: 'C:\\Users\\Me',
    platformPath: path.win32,
  });

  test.each([
    ['D:\\a\\app\\app\\src\\x.ts', './src/x.ts'],
    ['D:\\a\\app\\app', './'],
    ['C:\\Users\\Me\\.cargo', '~/.cargo'],
    ['C:\\tools', 'C:/tools'],
    ['C:\\', 'C:/'],
    ['\\\\server\\share\\x', '//server/share/x'],
  ])('the path %j has the stored name %j, which is mapped back', (absolute, stored) => {
    expect(anchors.toStored(absolute)).toBe(stored);
    expect(absoluteOf(anchors, stored)).toBe(absolute);
  });

  test('the case of drives and names does not count, and names keep theirs', () => {
    expect(anchors.toStored('d:\\A\\APP\\app\\Src')).toBe('./Src');
    expect(anchors.toStored('c:\\users\\ME')).toBe('~/');
    expect(anchors.toStored('c:\\Tools')).toBe('C:/Tools');
  });

  test('a workspace that is a drive maps nothing', () => {
    const rooted = createAnchors({ workspace: 'D:\\', home: 'C:\\Users\\Me', platformPath: path.win32 });
    expect(rooted.toStored('D:\\x')).toBe('D:/x');
  });

  test('a home directory with slashes is the same as with backslashes', () => {
    const odd = createAnchors({ workspace: 'D:\\a', home: 'C:/Users/Me/', platformPath: path.win32 });
    expect(odd.toStored('C:\\Users\\Me\\.cargo')).toBe('~/.cargo');
  });
});
