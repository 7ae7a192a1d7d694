import { expect, test } from 'vitest';
import { parseMountInfo } from '../../../src/archive/fs/mounts.ts';

test('mount points are read from the fifth field with octal escapes, and the last type of each point', () => {
  const text = [
    '22 1 254:0 / / rw,relatime shared:1 master:2 - ext4 /dev/vda rw',
    '23 22 0:5 / /proc rw - proc proc rw',
    '24 23 0:6 / /proc rw - tmpfs - rw',
    '91 22 254:0 /srv/cargo /home/me/.cargo/registry rw - ext4 /dev/vda rw',
    String.raw`92 22 0:44 / /mnt/with\040blank\134and\011tab rw - tmpfs none rw`,
    '',
  ].join('\n');
  expect(Object.fromEntries(parseMountInfo(text))).toEqual({
    '/': 'ext4',
    '/proc': 'tmpfs',
    '/home/me/.cargo/registry': 'ext4',
    '/mnt/with blank\\and\ttab': 'tmpfs',
  });
});

test('an empty mountinfo has no mount points', () => {
  expect(parseMountInfo('').size).toBe(0);
});
