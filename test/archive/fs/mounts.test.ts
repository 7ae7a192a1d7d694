import { expect, test } from 'vitest';
import { parseMountInfo } from '../../../src/archive/fs/mounts.ts';
import { decodeName } from '../../../src/archive/fs/paths/names.ts';

test('mount points are read from the fifth field with octal escapes, and the last type of each point', () => {
  const text = [
    '22 1 254:0 / / rw,relatime shared:1 master:2 - ext4 /dev/vda rw',
    '23 22 0:5 / /proc rw - proc proc rw',
    '24 23 0:6 / /proc rw - tmpfs - rw',
    '91 22 254:0 /srv/cargo /home/me/.cargo/registry rw - ext4 /dev/vda rw',
    String.raw`92 22 0:44 / /mnt/with\040blank\134and\011tab rw - tmpfs none rw`,
    '',
  ].join('\n');
  expect(Object.fromEntries(parseMountInfo(Buffer.from(text)))).toEqual({
    '/': 'ext4',
    '/proc': 'tmpfs',
    '/home/me/.cargo/registry': 'ext4',
    '/mnt/with blank\\and\ttab': 'tmpfs',
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
