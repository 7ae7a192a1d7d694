import * as fs from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { evict } from '../../../src/archive/disk-cache/eviction.ts';
import { instead, replaceCalls } from '../../support/file-system-calls.ts';
import { accessTimes, posix, requires } from '../../support/platform-needs.ts';
import { scratch } from '../../support/scratch.ts';
import { usePlatform } from '../support/platform.ts';
import { fail, makeClaim, makeFrame, openedDirectory, putFrame } from './support.ts';

const NOW = Date.now() / 1000;

afterEach(() => {
  vi.restoreAllMocks();
});

/** Lets the status of a file take 100 ms by the clock. Returns the clock. */
function slowDown(): () => number {
  let now = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => now);
  const slow = (lstat: typeof fs.lstatSync) =>
    ((...options: Parameters<typeof fs.lstatSync>) => {
      now += 100;
      return lstat(...options);
    }) as typeof fs.lstatSync;
  instead('lstatSync', slow);
  return () => now;
}

/** Puts frames of 1000 bytes, each with its age in seconds. Returns their files. */
function putAged(directory: string, ages: readonly number[]): string[] {
  return ages.map((age, index) => {
    const file = putFrame(directory, makeFrame(`${index}`));
    fs.utimesSync(file, NOW - age, NOW - age);
    return file;
  });
}

const remaining = (files: readonly string[]) => files.filter(file => fs.existsSync(file));

/** Returns whether the limit is kept. */
function evictTo(directory: string, maxBytes: number): boolean {
  return evict({ kind: 'evict', directory: openedDirectory(directory), maxBytes }).isKept;
}

describe('evict', () => {
  test(
    'removes the frames that were used least recently, until the limit is kept',
    requires(accessTimes),
    () => {
      const directory = scratch();
      const files = putAged(directory, [30, 50, 10, 40, 20]);
      expect(evictTo(directory, 3000)).toBe(true);
      expect(remaining(files)).toEqual([files[0], files[2], files[4]]);
    },
  );

  test('removes nothing while the limit is kept', () => {
    const directory = scratch();
    const files = putAged(directory, [30, 50]);
    expect(evictTo(directory, 2000)).toBe(true);
    expect(remaining(files)).toEqual(files);
  });

  test('treats a file with a time in the future as one that was never used', () => {
    const directory = scratch();
    const files = putAged(directory, [30, -1e6, 10]);
    evictTo(directory, 2000);
    expect(remaining(files)).toEqual([files[0], files[2]]);
  });

  test('takes a time up to a minute in the future, as another clock may write it, as a recent use', () => {
    const directory = scratch();
    const files = putAged(directory, [30, -20, 10]);
    evictTo(directory, 2000);
    expect(remaining(files)).toEqual([files[1], files[2]]);
  });

  test('leaves and does not count files with other names, links and directories', requires(posix), () => {
    const directory = scratch();
    const [frame] = putAged(directory, [50]);
    fs.writeFileSync(path.join(directory, 'notes'), Buffer.alloc(5000));
    fs.mkdirSync(path.join(directory, 'b'.repeat(64)));
    fs.symlinkSync('notes', path.join(directory, 'c'.repeat(64)));
    expect(evictTo(directory, 1000)).toBe(true);
    expect(fs.readdirSync(directory)).toHaveLength(4);
    expect(fs.existsSync(frame!)).toBe(true);
  });

  test(
    'removes claims that no process has touched for a minute, and empty frames',
    requires(accessTimes),
    () => {
      const directory = scratch();
      const [old, young] = ['old', 'young'].map(name => makeClaim(directory, makeFrame(name)).file);
      fs.utimesSync(old!, NOW - 100, NOW - 100);
      fs.writeFileSync(path.join(directory, 'a'.repeat(64)), '');
      evictTo(directory, 1000);
      expect(fs.readdirSync(directory)).toEqual([path.basename(young!)]);
    },
  );

  test('removes a file that is larger than any frame, and keeps the frames that it would displace', () => {
    const directory = scratch();
    const files = putAged(directory, [30, 20]);
    const sparse = path.join(directory, 'd'.repeat(64));
    fs.writeFileSync(sparse, '');
    fs.truncateSync(sparse, 2 ** 38);
    expect(evictTo(directory, 2000)).toBe(true);
    expect(remaining([...files, sparse])).toEqual(files);
  });

  test('throws the error of a directory that does not exist any more', () => {
    const directory = openedDirectory(scratch());
    fs.rmdirSync(directory.path);
    expect(() => evict({ kind: 'evict', directory, maxBytes: 1 })).toThrow('ENOENT');
  });

  test('returns false if the frames of the directory cannot be removed', () => {
    const directory = scratch();
    const files = putAged(directory, [30, 20]);
    replaceCalls({ unlinkSync: () => fail('EPERM') });
    expect(evictTo(directory, 1000)).toBe(false);
    expect(remaining(files)).toEqual(files);
  });

  test('removes the oldest frame that it can remove', requires(accessTimes), () => {
    const directory = scratch();
    const files = putAged(directory, [30, 20, 10]);
    instead('unlinkSync', unlink => file => (file === files[0] ? fail('EPERM') : unlink(file)));
    usePlatform({ openFiles: undefined, filesByInode: undefined });
    expect(evictTo(directory, 2000)).toBe(true);
    expect(remaining(files)).toEqual([files[0], files[2]]);
  });

  test('ends after some seconds in a slow directory, and goes on in the next check', () => {
    const directory = scratch();
    const files = putAged(directory, Array(60).fill(30));
    const clock = slowDown();
    for (let check = 0; remaining(files).length > 20; check++) {
      const begunMs = clock();
      expect(evictTo(directory, 10_000)).toBe(true);
      expect(clock() - begunMs).toBeLessThan(6500);
      expect(check).toBeLessThan(10);
    }
  });

  test('in a slow directory returns true if the files that it has reached cannot be removed', () => {
    const directory = scratch();
    putAged(directory, Array(60).fill(30));
    slowDown();
    replaceCalls({ unlinkSync: () => fail('EPERM') });
    expect(evictTo(directory, 10_000)).toBe(true);
  });
});
