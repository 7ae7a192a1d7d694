import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  hasTarget,
  linkTypeOf,
  portableTarget,
  readTarget,
} from '../../../../src/archive/fs/links/symlinks.ts';
import { instead } from '../../../support/file-system-calls.ts';
import { scratch } from '../../../support/scratch.ts';
import { usePlatform } from '../../support/platform.ts';

test.each([
  ['..\\lib\\x.js', '../lib/x.js'],
  ['d\\', 'd/'],
  ['../lib/x.js', '../lib/x.js'],
  ['C:\\tools\\x', 'C:\\tools\\x'],
  ['D:\\w\\tree\\d\\', 'D:\\w\\tree\\d'],
  ['\\\\server\\share\\d\\', '\\\\server\\share\\d'],
  ['C:\\', 'C:\\'],
])('the target %j of Windows is stored as %j', (target, stored) => {
  expect(portableTarget(target)).toBe(stored);
});

test('a target is stored with its own backslashes on other systems', () => {
  instead('readlinkSync', () => (() => Buffer.from('a\\b')) as never);
  usePlatform({ typesLinks: false });
  expect(readTarget('link')).toBe('a\\b');
  usePlatform({ typesLinks: true });
  expect(readTarget('link')).toBe('a/b');
});

test('a link has its target on Windows in any spelling of the place, and elsewhere only letter for letter', () => {
  const link = join(scratch(), 'sub', 'link');
  const absolute = join(link, '../../d');
  for (const windows of [true, false]) {
    usePlatform({ typesLinks: windows });
    expect(hasTarget(link, '../d', '../d')).toBe(true);
    expect(hasTarget(link, '../d', '../other')).toBe(false);
    expect(hasTarget(link, absolute, '../d')).toBe(windows);
    expect(hasTarget(link, '../d/', '../d')).toBe(windows);
  }
});

describe('the type of a link on Windows', () => {
  const directories = ['D:\\w\\tree\\d', 'D:\\w\\tree', 'C:\\tools', '\\\\server\\share\\d'];
  const at = 'D:\\w\\tree\\link';

  test.each([
    ['d', 'dir'],
    ['./d/', 'dir'],
    ['..\\tree\\d', 'dir'],
    ['../tree', 'dir'],
    ['D:\\w\\tree\\d\\', 'junction'],
    ['C:/tools', 'junction'],
    ['\\w\\tree', 'dir'],
    ['\\\\server\\share\\d', 'dir'],
    ['//server/share/d', 'dir'],
    ['d/file', 'file'],
    ['nowhere', 'file'],
    ['C:\\nowhere', 'file'],
  ])('the link to %j has type %s', (target, type) => {
    expect(linkTypeOf(target, at, path => directories.includes(path.replace(/\\$/, '')))).toBe(type);
  });
});
