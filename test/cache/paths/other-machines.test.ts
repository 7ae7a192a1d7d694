import path from 'node:path';
import { expect, test } from 'vitest';
import { createPathLayout } from '../../../src/cache/paths/paths.ts';

const posix = (lines: string[], workspace: string, home: string) =>
  createPathLayout({ lines, workspace, home, platformPath: path.posix });
const windows = (lines: string[]) =>
  createPathLayout({ lines, workspace: 'D:\\a\\app', home: 'C:\\Users\\Me', platformPath: path.win32 });
const linux = (lines: string[]) => posix(lines, '/home/me/app', '/home/me');

/** Paths whose decision differs between machines, a stored name, and the machine that includes it. */
const moving: [string, string[], string, { workspace: string; home: string }][] = [
  ['a wildcard above the home', ['/home/*/x'], '~/x/y', { workspace: '/srv/app', home: '/home/me' }],
  ['a wildcard above the workspace', ['/home/**/dist'], './dist', { workspace: '/home/app', home: '/root' }],
  ['a wildcard in the home', ['~/w/*/dist'], './dist', { workspace: '/h/w/app', home: '/h' }],
  ['an exclusion above the home', ['~/c', '!/home'], '~/c/x', { workspace: '/srv/app', home: '/root' }],
  ['an exclusion in the home', ['/srv', '!~/tmp'], '/srv/u/tmp/x', { workspace: '/w', home: '/root' }],
];

test.each(moving)('the decision of %s depends on the machine', (_, lines, name, including) => {
  const included = posix(lines, including.workspace, including.home);
  expect(included.permits(name)).toBe(true);
  const excluded = posix(lines, '/elsewhere', name.startsWith('/') ? '/srv/u' : '/home/other/sub');
  expect(excluded.storedLines).toEqual(included.storedLines);
  expect(excluded.permits(name)).toBe(false);
  expect(included.dependsOnMachine(name)).toBe(true);
  expect(excluded.dependsOnMachine(name)).toBe(true);
});

test.each([
  ['a path without wildcards', ['tree', '~/.npm', '/opt/tools'], './other/x'],
  ['a path without wildcards', ['tree', '~/.npm', '/opt/tools'], '~/.ssh/id'],
  ['a wildcard in the workspace', ['*/dist'], './dist/x'],
  ['a wildcard in the workspace', ['*/dist'], '~/.ssh/id'],
  ['a wildcard above the home', ['/home/*/x'], '/etc/passwd'],
  ['an exclusion below the same anchor', ['tree', '!tree/*/tmp'], './tree/a/tmp/x'],
])('the decision of %s is the same on all machines: %j refuses %s', (_, lines, name) => {
  const layout = linux(lines);
  expect(layout.permits(name)).toBe(false);
  expect(layout.dependsOnMachine(name)).toBe(false);
});

test('a decision that depends on case differs between Windows and other systems', () => {
  const found = ['Build/*.OBJ'];
  expect(windows(found).permits('./build/a.obj')).toBe(true);
  expect(linux(found).permits('./build/a.obj')).toBe(false);
  const excluded = ['out', '!out/TMP'];
  expect(windows(excluded).permits('./out/tmp/x')).toBe(false);
  expect(linux(excluded).permits('./out/tmp/x')).toBe(true);
  for (const make of [windows, linux]) {
    expect(make(found).dependsOnMachine('./build/a.obj')).toBe(true);
    expect(make(found).dependsOnMachine('./build/a.lib')).toBe(false);
    expect(make(excluded).dependsOnMachine('./out/tmp/x')).toBe(true);
    expect(make(excluded).dependsOnMachine('./out/TMP/x')).toBe(false);
  }
});

test('a backslash or colon in a name is special only on Windows', () => {
  for (const name of ['./out/a:b', './out/a\\b']) {
    expect(windows(['out/*']).permits(name)).toBe(false);
    expect(windows(['out/*']).dependsOnMachine(name)).toBe(true);
    expect(linux(['out/*']).permits(name)).toBe(true);
  }
  expect(windows(['out/*']).dependsOnMachine('E:/x')).toBe(false);
});
