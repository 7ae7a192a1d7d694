import { expect, test } from 'vitest';
import { RestoreNotices } from '../../../src/archive/restore/restore-notices.ts';
import { platforms, usePlatform } from '../support/platform.ts';

test('RestoreNotices makes no lines if there is nothing to report', () => {
  const notices = new RestoreNotices();
  expect([notices.describeAttributes(), notices.describeLinks(), notices.describeStaging()]).toEqual([
    [],
    [],
    [],
  ]);
});

test('RestoreNotices makes one line of all refused attributes', () => {
  const notices = new RestoreNotices();
  notices.refused = { owners: 12, modes: 1, times: 0, hardLinks: 2, symlinks: 1 };
  expect(notices.describeAttributes()).toEqual([
    'The content was restored, but this file system or the rights of this user do not allow all attributes: owners not set: 12; modes not set: 1; hard links that became copies: 2; symlinks that became junctions or copies (enable Developer Mode or give the runner the right to create symbolic links): 1.',
  ]);
});

test('RestoreNotices makes one line for each directory with remaining staging', () => {
  usePlatform(platforms.linux);
  const notices = new RestoreNotices();
  notices.remaining.push(
    { directory: '/work/a', maybeInUse: 2, open: 1, irremovable: 1 },
    { directory: '/work/b', maybeInUse: 1, open: 0, irremovable: 0 },
  );
  expect(notices.describeStaging()).toEqual([
    'Directories .cache-s3-* remain in /work/a: removed after a day, because running jobs may use them: 2; removed by the next restore after processes have closed the files in them: 1; to be removed by hand or with `sudo: true`, because this user cannot: 1.',
    'Directories .cache-s3-* remain in /work/b: removed after a day, because running jobs may use them: 1.',
  ]);
});

test('RestoreNotices does not advise sudo on Windows, and shows paths with its separator', () => {
  usePlatform(platforms.win32);
  const notices = new RestoreNotices();
  notices.remaining.push({ directory: 'D:\\a\\repo/tree', maybeInUse: 0, open: 2, irremovable: 1 });
  expect(notices.describeStaging()).toEqual([
    'Directories .cache-s3-* remain in D:\\a\\repo\\tree: removed by the next restore after processes have closed the files in them: 2; to be removed by hand, because this user cannot: 1.',
  ]);
});

test('RestoreNotices makes one line of the symlinks that were left out', () => {
  usePlatform(platforms.linux);
  const notices = new RestoreNotices();
  notices.leftOut = ['/work/tree/a', '/work/tree/b'];
  expect(notices.describeLinks()).toEqual([
    'Symlinks not created, because this user may create none here: 2, first /work/tree/a; enable Developer Mode or give the runner the right to create symbolic links. This job saves nothing of these paths.',
  ]);
});
