import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { createAnchors } from '../../../src/cache/paths/anchors.ts';

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
  ])('%j is stored as %j and found again', (absolute, stored) => {
    expect(anchors.toStored(absolute)).toBe(stored);
    expect(anchors.toAbsolute(stored)).toBe(absolute);
  });

  test('a trailing slash says nothing', () => {
    expect(anchors.toStored('/home/me/.cargo/')).toBe('~/.cargo');
    expect(anchors.toAbsolute('~/.cargo/')).toBe('/home/me/.cargo');
  });

  test('case counts', () => {
    expect(anchors.toStored('/HOME/me/x')).toBe('/HOME/me/x');
  });

  test('a workspace or home of / maps nothing, and still finds what others mapped', () => {
    const rooted = createAnchors({ workspace: '/', home: '/', platformPath: path.posix });
    expect(rooted.toStored('/x/y')).toBe('/x/y');
    expect(rooted.toStored('/')).toBe('/');
    expect(rooted.toAbsolute('~/x')).toBe('/x');
    expect(rooted.toAbsolute('./x')).toBe('/x');
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
  ])('%j is stored as %j and found again', (absolute, stored) => {
    expect(anchors.toStored(absolute)).toBe(stored);
    expect(anchors.toAbsolute(stored)).toBe(absolute);
  });

  test('case does not count, neither of the drive nor of names, and names keep theirs', () => {
    expect(anchors.toStored('d:\\A\\APP\\app\\Src')).toBe('./Src');
    expect(anchors.toStored('c:\\users\\ME')).toBe('~/');
    expect(anchors.toStored('c:\\Tools')).toBe('C:/Tools');
  });

  test('a workspace that is a drive maps nothing', () => {
    const rooted = createAnchors({ workspace: 'D:\\', home: 'C:\\Users\\Me', platformPath: path.win32 });
    expect(rooted.toStored('D:\\x')).toBe('D:/x');
  });
});
