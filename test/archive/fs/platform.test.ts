import { describe, expect, test } from 'vitest';
import { linkTypeOf, platformOf } from '../../../src/archive/fs/platform.ts';

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
