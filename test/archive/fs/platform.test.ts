import { describe, expect, test } from 'vitest';
import { platformOf } from '../../../src/archive/fs/platform.ts';

describe('owners and modes', () => {
  test('owners are kept only by root, and never on Windows', () => {
    expect(platformOf('linux', true).keepsOwners).toBe(true);
    expect(platformOf('linux', false).keepsOwners).toBe(false);
    expect(platformOf('win32', true)).toMatchObject({ keepsOwners: false, hasModes: false, openFlags: 0 });
  });
});

test('only Windows has types of links', () => {
  expect(platformOf('win32', false).typesLinks).toBe(true);
  expect(platformOf('darwin', false).typesLinks).toBe(false);
});
