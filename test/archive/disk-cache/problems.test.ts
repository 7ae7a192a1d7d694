import { expect, test } from 'vitest';
import { diskProblem, problemOf, storeProblem } from '../../../src/archive/disk-cache/problems.ts';
import { failed } from '../../support/file-system-calls.ts';

test.each([
  ['ENOENT', 'it does not exist: create it, or change the input'],
  ['EACCES', 'this user may not enter it: change its mode or owner'],
  ['EMFILE', 'the limit of open files is reached; raise `nofile`'],
  ['ELIST', 'this user may not list it, and so cannot limit its size: change its mode or owner'],
  [
    'EOWNER',
    'this step runs as root, and another user owns the directory or may replace it: give it to root, with mode 1777',
  ],
  ['EIO', 'the system reported EIO'],
])('a disk cache that cannot be used because of %s is reported with the reason', (code, reason) => {
  expect(diskProblem('/srv/frames', code)).toBe(
    `The disk cache /srv/frames is not used, all frames are read from the bucket: ${reason}.`,
  );
});

test.each([
  ['EACCES', 'this user may not write into it'],
  ['EPERM', 'this user may not write into it'],
  ['ENOSPC', 'its disk is full'],
  ['EFULL', 'its frames belong to other users and exceed its size: use one user for all jobs'],
  ['EIO', 'the system reported EIO'],
])('a disk cache in which nothing is stored because of %s is reported with the reason', (code, reason) => {
  expect(storeProblem('/srv/frames', code)).toBe(
    `Nothing is stored in the disk cache /srv/frames: ${reason}.`,
  );
});

test('an error of the system is reported by its code, and another one as unknown', () => {
  expect([problemOf(failed('ENOSPC', '/srv')), problemOf(new Error('a bug'))]).toEqual(['ENOSPC', 'unknown']);
});
