import * as fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { evict } from '../../../src/archive/disk-cache/eviction.ts';
import { accessTimes, posix, requires } from '../../support/platform-needs.ts';
import { scratch } from '../../support/scratch.ts';
import { makeClaim, makeFrame, putFrame } from './support.ts';

const NOW = Date.now() / 1000;

/** Puts frames of 1000 bytes, each with its age in seconds. Returns their files. */
function putAged(directory: string, ages: readonly number[]): string[] {
  return ages.map((age, index) => {
    const file = putFrame(directory, makeFrame(`${index}`));
    fs.utimesSync(file, NOW - age, NOW - age);
    return file;
  });
}

const remaining = (files: readonly string[]) => files.filter(file => fs.existsSync(file));

describe('evict', () => {
  test(
    'removes the frames that were used least recently, until the limit is kept',
    requires(accessTimes),
    async () => {
      const directory = scratch();
      const files = putAged(directory, [30, 50, 10, 40, 20]);
      expect(await evict({ directory, maxBytes: 3000 })).toBe(true);
      expect(remaining(files)).toEqual([files[0], files[2], files[4]]);
    },
  );

  test('removes nothing while the limit is kept', async () => {
    const directory = scratch();
    const files = putAged(directory, [30, 50]);
    expect(await evict({ directory, maxBytes: 2000 })).toBe(true);
    expect(remaining(files)).toEqual(files);
  });

  test('treats a file with a time in the future as one that was never used', async () => {
    const directory = scratch();
    const files = putAged(directory, [30, -1e6, 10]);
    await evict({ directory, maxBytes: 2000 });
    expect(remaining(files)).toEqual([files[0], files[2]]);
  });

  test(
    'leaves and does not count files with other names, links and directories',
    requires(posix),
    async () => {
      const directory = scratch();
      const [frame] = putAged(directory, [50]);
      fs.writeFileSync(path.join(directory, 'notes'), Buffer.alloc(5000));
      fs.mkdirSync(path.join(directory, 'b'.repeat(64)));
      fs.symlinkSync('notes', path.join(directory, 'c'.repeat(64)));
      expect(await evict({ directory, maxBytes: 1000 })).toBe(true);
      expect(fs.readdirSync(directory)).toHaveLength(4);
      expect(fs.existsSync(frame!)).toBe(true);
    },
  );

  test(
    'removes claims that no process has touched for a minute, and empty frames',
    requires(accessTimes),
    async () => {
      const directory = scratch();
      const [old, young] = ['old', 'young'].map(name => makeClaim(directory, makeFrame(name)).file);
      fs.utimesSync(old!, NOW - 100, NOW - 100);
      fs.writeFileSync(path.join(directory, 'a'.repeat(64)), '');
      await evict({ directory, maxBytes: 1000 });
      expect(fs.readdirSync(directory)).toEqual([path.basename(young!)]);
    },
  );

  test('removes a file that is larger than any frame, and keeps the frames that it would displace', async () => {
    const directory = scratch();
    const files = putAged(directory, [30, 20]);
    const sparse = path.join(directory, 'd'.repeat(64));
    fs.writeFileSync(sparse, '');
    fs.truncateSync(sparse, 2 ** 38);
    expect(await evict({ directory, maxBytes: 2000 })).toBe(true);
    expect(remaining([...files, sparse])).toEqual(files);
  });

  test('rejects with the error of a directory that does not exist', async () => {
    await expect(evict({ directory: path.join(scratch(), 'missing'), maxBytes: 1 })).rejects.toThrow(
      'ENOENT',
    );
  });
});
