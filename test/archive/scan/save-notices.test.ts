import { beforeEach, expect, test } from 'vitest';
import { SaveNotices } from '../../../src/archive/scan/save-notices.ts';
import { platforms, usePlatform } from '../support/platform.ts';

beforeEach(() => usePlatform(platforms.linux));

test('a save without skipped paths has no notices', () => {
  expect(new SaveNotices().lines()).toEqual([]);
});

test('769 files that vanished during a save make one notice with their number and the first names', () => {
  const notices = new SaveNotices();
  for (let index = 0; index < 769; index++) notices.addSkipped(`/w/f${index}`, 'vanished during the save');
  expect(notices.lines()).toEqual([
    '769 paths are not in the cache (vanished during the save): /w/f0, /w/f1, /w/f2 and 766 more.',
  ]);
});

test('each reason has a notice of its own', () => {
  const notices = new SaveNotices();
  notices.addSkipped('/w/pipe', 'neither a file, a directory nor a link');
  notices.addChangedTime('/w/old', 1970);
  notices.addSkipped('/w/a', 'vanished during the save');
  notices.addSkipped('/w/b', 'vanished during the save');
  notices.addChangedTime('/w/older', 1970);
  notices.addChangedTime('/w/future', 2112);
  expect(notices.lines()).toEqual([
    '1 path is not in the cache (neither a file, a directory nor a link): /w/pipe.',
    '2 paths are saved with a change (times before 1970 become 1970): /w/old, /w/older.',
    '2 paths are not in the cache (vanished during the save): /w/a, /w/b.',
    '1 path is saved with a change (times after 2112 become 2112): /w/future.',
  ]);
});
