import type { StatsFs } from 'node:fs';
import { expect, test } from 'vitest';
import { fileSystemKind } from '../../../src/archive/fs/file-system-kind.ts';
import { failed, instead } from '../../support/file-system-calls.ts';
import { usePlatform } from '../support/platform.ts';

test.each([
  ['ext4', 0xef53, 'local'],
  ['XFS', 0x58465342, 'local'],
  ['btrfs', 0x9123683e, 'local'],
  ['tmpfs', 0x01021994, 'local'],
  ['overlay', 0x794c7630, 'overlay'],
  ['NFS', 0x6969, 'other'],
  ['a file system that is not known', 1, 'other'],
] as const)('a directory on %s (%i) is on a file system of the kind %s', (_, type, kind) => {
  usePlatform({ numbersFileSystems: true });
  instead('statfsSync', () => (() => ({ type }) as StatsFs) as never);
  expect(fileSystemKind('/work')).toBe(kind);
});

test('the file system of a path that cannot be reached is of the kind other', () => {
  usePlatform({ numbersFileSystems: true });
  instead('statfsSync', () => path => {
    throw failed('EACCES', path);
  });
  expect(fileSystemKind('/work')).toBe('other');
});

test('every file system of a system that does not number their types as Linux does is of the kind other', () => {
  usePlatform({ numbersFileSystems: false });
  instead('statfsSync', () => (() => ({ type: 0xef53 }) as StatsFs) as never);
  expect(fileSystemKind('/work')).toBe('other');
});
