import { describe, expect, test } from 'vitest';
import { parseMountInfo } from '../../../src/archive/fs/mounts.ts';
import { decodeName } from '../../../src/archive/fs/paths/names.ts';

const mountsOf = (...lines: string[]) =>
  Object.fromEntries(parseMountInfo(Buffer.from(`${lines.join('\n')}\n`)));

test('mount points are read from the fifth field with octal escapes, and types from behind a dash', () => {
  expect(
    mountsOf(
      '22 1 254:0 / / rw,relatime shared:1 master:2 - ext4 /dev/vda rw',
      '23 22 0:5 / /proc rw - proc proc rw',
      '91 22 254:0 /- /home/me/.cargo/registry rw shared:3 propagate_from:1 unbindable - ext4 - rw',
      String.raw`92 22 0:44 / /mnt/with\040blank\134and\011tab\012line\043hash rw - tmpfs none rw`,
    ),
  ).toEqual({
    '/': 'ext4',
    '/proc': 'proc',
    '/home/me/.cargo/registry': 'ext4',
    '/mnt/with blank\\and\ttab\nline#hash': 'tmpfs',
  });
});

describe('a mount is left out that another one hides', () => {
  const root = '22 1 254:0 / / rw - ext4 /dev/vda rw';

  test.each<[string, string[], Record<string, string>]>([
    [
      'at the same point, in any order of the lines',
      ['24 23 0:6 / /a rw - tmpfs - rw', '23 22 0:5 / /a rw - proc proc rw'],
      { '/a': 'tmpfs' },
    ],
    [
      'at the same point twice, and one is below the last',
      [
        '23 22 0:5 / /a rw - proc proc rw',
        '24 23 0:6 / /a rw - tmpfs - rw',
        '25 24 0:7 / /a rw - ext4 - rw',
        '26 25 0:8 / /a/b rw - xfs - rw',
      ],
      { '/a': 'ext4', '/a/b': 'xfs' },
    ],
    [
      'at a directory above it',
      ['23 22 0:5 / /a/b rw - proc proc rw', '24 22 0:6 / /a rw - tmpfs - rw'],
      { '/a': 'tmpfs' },
    ],
    [
      'at a directory above it, with all that is mounted on it, and another is in its place',
      [
        '23 22 0:5 / /a/b rw - proc proc rw',
        '24 23 0:7 / /a/b/c rw - sysfs sysfs rw',
        '25 22 0:6 / /a rw - tmpfs - rw',
        '26 25 0:8 / /a/b/c rw - xfs - rw',
      ],
      { '/a': 'tmpfs', '/a/b/c': 'xfs' },
    ],
    [
      'above a file that is mounted',
      ['23 22 254:0 /srv/f /a/f rw - ext4 /dev/vda rw', '24 22 0:6 / /a rw - tmpfs - rw'],
      { '/a': 'tmpfs' },
    ],
    [
      'on a mount between them',
      [
        '23 22 0:5 / /a rw - xfs - rw',
        '24 23 0:6 / /a/b/c rw - proc proc rw',
        '25 23 0:7 / /a/b rw - tmpfs - rw',
      ],
      { '/a': 'xfs', '/a/b': 'tmpfs' },
    ],
    [
      'but not by one whose name begins alike',
      ['23 22 0:5 / /a/bc rw - proc proc rw', '24 22 0:6 / /a/b rw - tmpfs - rw'],
      { '/a/bc': 'proc', '/a/b': 'tmpfs' },
    ],
  ])('%s', (_, lines, expected) => {
    expect(mountsOf(root, ...lines)).toEqual({ '/': 'ext4', ...expected });
  });

  test('by the root file system, whose parent may be listed, be its own or not be seen', () => {
    const boot = '1 1 0:1 / / rw - rootfs rootfs rw';
    const early = '2 1 0:2 / /dev rw - devtmpfs none rw';
    expect(mountsOf(boot, early, root, '23 22 0:5 / /dev rw - tmpfs - rw')).toEqual({
      '/': 'ext4',
      '/dev': 'tmpfs',
    });
    expect(mountsOf(boot, early)).toEqual({ '/': 'rootfs', '/dev': 'devtmpfs' });
    expect(mountsOf('23 9 0:5 / /proc rw - proc proc rw')).toEqual({ '/proc': 'proc' });
  });
});

test('a mount point has the name that listings and paths of this action have, also if it is not UTF-8', () => {
  const latin1 = Buffer.from('92 22 0:44 / /mnt/caf\xe9 rw - tmpfs none rw\n', 'latin1');
  const utf8 = Buffer.from('93 22 0:45 / /mnt/café rw - ext4 none rw\n');
  expect(Object.fromEntries(parseMountInfo(Buffer.concat([latin1, utf8])))).toEqual({
    [decodeName(Buffer.from('/mnt/caf\xe9', 'latin1'))]: 'tmpfs',
    '/mnt/café': 'ext4',
  });
});

test('an empty mountinfo has no mount points', () => {
  expect(parseMountInfo(Buffer.alloc(0)).size).toBe(0);
});

test('10,000 mounts in one directory are read in less than a second of the processor', () => {
  const lines = Array.from(
    { length: 10_000 },
    (_, index) => `${index + 30} 22 0:${index} / /run/containers/${index}/merged rw - overlay o rw`,
  );
  // Not the time of the wall: other programs may use the cores
  const start = process.cpuUsage();
  expect(Object.keys(mountsOf(...lines))).toHaveLength(10_000);
  expect(process.cpuUsage(start).user / 1000).toBeLessThan(1000);
});
