import { expect, test } from 'vitest';
import { RestoreNotices } from '../../../src/archive/restore/restore-notices.ts';
import { platforms, usePlatform } from '../support/platform.ts';

test('RestoreNotices makes no lines if there is nothing to report', () => {
  const notices = new RestoreNotices();
  expect([notices.attributes(), notices.links(), notices.staging()]).toEqual([[], [], []]);
});

test('RestoreNotices makes one line of all refused attributes', () => {
  const notices = new RestoreNotices();
  notices.attributesRefused({ owners: 12, modes: 1, times: 0, hardLinks: 2, symlinks: 1 });
  expect(notices.attributes()).toEqual([
    'The content was restored, but this file system or the rights of this user do not allow all attributes: the owners of 12 entries were not set, the mode of 1 entry was not set, 2 hard links are copies, 1 symlink is a junction or copy (enable Developer Mode or give the runner the right to create symbolic links).',
  ]);
});

test('RestoreNotices makes one line for each directory with remaining staging', () => {
  usePlatform(platforms.linux);
  const notices = new RestoreNotices();
  notices.stagingRemains({ directory: '/work/a', maybeInUse: 2, open: 1, irremovable: 1 });
  notices.stagingRemains({ directory: '/work/b', maybeInUse: 1, open: 0, irremovable: 0 });
  expect(notices.staging()).toEqual([
    'Directories .cache-s3-* remain in /work/a: 2 may belong to running jobs and are removed after a day; 1 has files that a process has open or runs, and is removed by the next restore after that; 1 cannot be removed by this user: remove it, or set `sudo: true`.',
    'Directories .cache-s3-* remain in /work/b: 1 may belong to a running job and is removed after a day.',
  ]);
});

test('RestoreNotices does not advise sudo on Windows, and shows paths with its separator', () => {
  usePlatform(platforms.win32);
  const notices = new RestoreNotices();
  notices.stagingRemains({ directory: 'D:\\a\\repo/tree', maybeInUse: 0, open: 2, irremovable: 1 });
  expect(notices.staging()).toEqual([
    'Directories .cache-s3-* remain in D:\\a\\repo\\tree: 2 have files that a process has open or runs, and are removed by the next restore after that; 1 cannot be removed by this user: remove it.',
  ]);
});

test('RestoreNotices makes one line of the symlinks that were left out', () => {
  usePlatform(platforms.linux);
  const notices = new RestoreNotices();
  notices.linksLeftOut(['/work/tree/a', '/work/tree/b']);
  expect(notices.links()).toEqual([
    '2 symlinks were not created, because this user may create none here, first /work/tree/a: enable Developer Mode or give the runner the right to create symbolic links. This job saves nothing of these paths.',
  ]);
});
