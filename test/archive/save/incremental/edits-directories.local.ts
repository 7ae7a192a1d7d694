import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { describe, expect, test } from 'vitest';
import { grow, isRoot, linux, npmTime, rewriteInPlace } from './grow.ts';

/** What happens to a tree between a restore and the save that follows, one thing at a time: to its directories. */

describe('directories', () => {
  test('one renamed over another, with all times equal', async () => {
    const npm = (content: string) => ({ content, mtime: npmTime });
    const spec = {
      'tree/one/index.js': npm('1111'),
      'tree/one/lib/index.js': npm('1112'),
      'tree/one/lib': { directory: true, mtime: npmTime },
      'tree/one': { directory: true, mtime: npmTime },
      'tree/two/index.js': npm('2221'),
      'tree/two/lib/index.js': npm('2222'),
      'tree/two/lib': { directory: true, mtime: npmTime },
      'tree/two': { directory: true, mtime: npmTime },
    } as const;
    const { grew, packed } = await grow(spec, tree => {
      const ctime = fs.statSync(`${tree}/two/lib/index.js`, { bigint: true }).ctimeNs;
      fs.rmSync(`${tree}/one`, { recursive: true });
      fs.renameSync(`${tree}/two`, `${tree}/one`);
      // Nothing but the inode tells
      expect(fs.statSync(`${tree}/one/lib/index.js`, { bigint: true }).ctimeNs).toBe(ctime);
    });
    expect([grew, packed]).toEqual([true, ['./tree/one/index.js', './tree/one/lib/index.js']]);
  });

  test('a file changes in one: its own entry comes again, for tar to put its time right', async () => {
    const { job } = await grow(
      { 'tree/sub/a': 'a', 'tree/sub': { directory: true, mtime: npmTime }, 'tree/other/b': 'b' },
      tree => rewriteInPlace(`${tree}/sub/a`, 'A'),
    );
    const rawSizes = (await job.open('k-1')).manifest.frames.map(frame => frame.rawSize);
    // Header of the directory, header with a fraction of a second and data of the file
    expect(rawSizes.at(-1)).toBe(512 + 1536 + 512);
  });

  test('a name turns from file to directory and back: tar could not follow, so it is a full save', async () => {
    const toDirectory = (tree: string) => {
      fs.rmSync(`${tree}/turns`);
      fs.mkdirSync(`${tree}/turns`);
      fs.writeFileSync(`${tree}/turns/inside`, 'x');
    };
    const toFile = (tree: string) => {
      fs.rmSync(`${tree}/turns`, { recursive: true });
      fs.writeFileSync(`${tree}/turns`, 'y');
    };
    const file = { 'tree/turns': 'file' };
    expect((await grow(file, toDirectory)).grew).toBe(true);
    expect((await grow(file, toDirectory, toFile)).grew).toBe(false);
    expect((await grow(file, toDirectory, toFile, toDirectory)).grew).toBe(true);
  });

  test('a directory goes, and generations later something else has its name', async () => {
    const spec = { 'tree/gone/deep/inside': 'x', 'tree/stays': 's' };
    const goes = (tree: string) => fs.rmSync(`${tree}/gone`, { recursive: true });
    const nothing = () => {};
    const { job } = await grow(spec, goes, nothing);
    const { head } = (await job.open('k-2')).manifest;
    expect(head.deadDirectories).toEqual(['./tree/gone/', './tree/gone/deep/']);
    const link = (tree: string) => fs.symlinkSync('stays', `${tree}/gone`);
    const later = await grow(spec, goes, nothing, link);
    expect(later.grew).toBe(false);
    expect((await later.job.open('k-3')).manifest.head).not.toHaveProperty('deadDirectories');
    expect((await grow(spec, goes, tree => fs.mkdirSync(`${tree}/gone`))).grew).toBe(true);
  });

  test('only the time, only the mode', async () => {
    const { grew, packed } = await grow({ 'tree/one/a': 'a', 'tree/two/b': 'b' }, tree => {
      fs.utimesSync(`${tree}/one`, 1, 1);
      fs.chmodSync(`${tree}/two`, 0o700);
    });
    expect([grew, packed]).toEqual([true, []]);
  });

  test.runIf(isRoot && linux)('another file system mounted over one', async () => {
    const cached = { content: 'cached', mtime: npmTime };
    const spec = { 'tree/mounted/a': cached, 'tree/mounted': { directory: true, mtime: npmTime } } as const;
    let mounted = '';
    try {
      const { packed } = await grow(spec, tree => {
        mounted = `${tree}/mounted`;
        execFileSync('mount', ['-t', 'tmpfs', 'cache-s3-test', mounted]);
        fs.writeFileSync(`${mounted}/a`, 'cAchEd');
        fs.utimesSync(`${mounted}/a`, npmTime / 1e6, npmTime / 1e6);
      });
      expect(packed).toEqual(['./tree/mounted/a']);
    } finally {
      if (mounted !== '') execFileSync('umount', [mounted]);
    }
  });
});
