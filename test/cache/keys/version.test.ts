import { expect, test } from 'vitest';
import { cacheVersion } from '../../../src/cache/keys/version.ts';

const version = (storedLines: string[], platform: NodeJS.Platform = 'linux', crossOs = false) =>
  cacheVersion({ storedLines, platform, crossOs });

test('the version has 64 hex digits and depends on every line and on their order', () => {
  expect(version(['./a'])).toMatch(/^[0-9a-f]{64}$/);
  const versions = [['./a'], ['./b'], ['./a', './b'], ['./b', './a'], ['./a./b'], ['./a\n./b'], []].map(
    lines => version(lines),
  );
  expect(new Set(versions).size).toBe(versions.length);
});

test('Windows has a version of its own, unless enableCrossOsArchive is set', () => {
  expect(version(['./a'], 'darwin')).toBe(version(['./a'], 'linux'));
  expect(version(['./a'], 'win32')).not.toBe(version(['./a'], 'linux'));
  expect(version(['./a'], 'win32', true)).toBe(version(['./a'], 'linux', true));
  expect(version(['./a'], 'linux', true)).toBe(version(['./a'], 'linux', false));
});

test('the version of given lines stays the same, so that this release finds the caches of earlier ones', () => {
  const lines = ['./node_modules', '~/.npm'];
  expect(version(lines)).toBe('ec0351f18fa8d67bbce815eb786bf2e81106130c2be938669ece845220367dfd');
  expect(version(lines, 'win32')).toBe('479cffe6d690516ffbf1c90ef483c78b21fbcf281a308f63d086e6c2e0ff93ab');
});
