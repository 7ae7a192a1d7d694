import { expect, test } from 'vitest';
import { parseMountInfo } from '../../../src/archive/fs/mounts.ts';

test('mount points are read from the fifth field with octal escapes', () => {
  const text = [
    '22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw',
    '91 22 254:0 /srv/cargo /home/me/.cargo/registry rw - ext4 /dev/vda rw',
    String.raw`92 22 0:44 / /mnt/with\040blank\134and\011tab rw - tmpfs none rw`,
    '',
  ].join('\n');
  expect([...parseMountInfo(text)]).toEqual(['/', '/home/me/.cargo/registry', '/mnt/with blank\\and\ttab']);
});

test('an empty mountinfo has no mount points', () => {
  expect(parseMountInfo('').size).toBe(0);
});
