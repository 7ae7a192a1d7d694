import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { describe, expect, test } from 'vitest';
import { linux, requires, root } from '../../support/platform-needs.ts';
import { npmTime, rewriteInPlace, saveAgain } from './save-again.ts';

/** One change to the directories of a tree between a restore and the save that follows. */

describe('an incremental save', () => {
  test('packs the files of a directory that was renamed over another with equal times', async () => {
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
    const { isIncremental, packed } = await saveAgain(spec, tree => {
      const ctime = fs.statSync(`${tree}/two/lib/index.js`, { bigint: true }).ctimeNs;
      fs.rmSync(`${tree}/one`, { recursive: true });
      fs.renameSync(`${tree}/two`, `${tree}/one`);
      // Only the inodes differ
      expect(fs.statSync(`${tree}/one/lib/index.js`, { bigint: true }).ctimeNs).toBe(ctime);
    });
    expect([isIncremental, packed]).toEqual([true, ['./tree/one/index.js', './tree/one/lib/index.js']]);
  });

  test('packs a directory again before the changed file in it, so that tar sets its time', async () => {
    const { job } = await saveAgain(
      { 'tree/sub/a': 'a', 'tree/sub': { directory: true, mtime: npmTime }, 'tree/other/b': 'b' },
      tree => rewriteInPlace(`${tree}/sub/a`, 'A'),
    );
    const rawSizes = (await job.open('k-1')).manifest.frames.map(frame => frame.rawSize);
    // Header of the directory, header with a fraction of a second and data of the file
    expect(rawSizes.at(-1)).toBe(512 + 1536 + 512);
  });

  test('becomes a full save when a file takes the place of a directory', async () => {
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
    expect((await saveAgain(file, toDirectory)).isIncremental).toBe(true);
    expect((await saveAgain(file, toDirectory, toFile)).isIncremental).toBe(false);
    expect((await saveAgain(file, toDirectory, toFile, toDirectory)).isIncremental).toBe(true);
  });

  test('remembers a deleted directory until another entry has its name', async () => {
    const spec = { 'tree/gone/deep/inside': 'x', 'tree/stays': 's' };
    const goes = (tree: string) => fs.rmSync(`${tree}/gone`, { recursive: true });
    const nothing = () => {};
    const { job } = await saveAgain(spec, goes, nothing);
    const { head } = (await job.open('k-2')).manifest;
    expect(head.deadDirectories).toEqual(['./tree/gone/', './tree/gone/deep/']);
    const link = (tree: string) => fs.symlinkSync('stays', `${tree}/gone`);
    const later = await saveAgain(spec, goes, nothing, link);
    expect(later.isIncremental).toBe(false);
    expect((await later.job.open('k-3')).manifest.head).not.toHaveProperty('deadDirectories');
    expect((await saveAgain(spec, goes, tree => fs.mkdirSync(`${tree}/gone`))).isIncremental).toBe(true);
  });

  test('packs no file when only the time or the mode of a directory changed', async () => {
    const { isIncremental, packed } = await saveAgain({ 'tree/one/a': 'a', 'tree/two/b': 'b' }, tree => {
      fs.utimesSync(`${tree}/one`, 1, 1);
      fs.chmodSync(`${tree}/two`, 0o700);
    });
    expect([isIncremental, packed]).toEqual([true, []]);
  });

  test(
    'packs the files of a file system that was mounted over a directory',
    requires(root, linux),
    async () => {
      const cached = { content: 'cached', mtime: npmTime };
      const spec = { 'tree/mounted/a': cached, 'tree/mounted': { directory: true, mtime: npmTime } } as const;
      let mounted = '';
      try {
        const { packed } = await saveAgain(spec, tree => {
          mounted = `${tree}/mounted`;
          execFileSync('mount', ['-t', 'tmpfs', 'cache-s3-test', mounted]);
          fs.writeFileSync(`${mounted}/a`, 'cAchEd');
          fs.utimesSync(`${mounted}/a`, npmTime / 1e6, npmTime / 1e6);
        });
        expect(packed).toEqual(['./tree/mounted/a']);
      } finally {
        if (mounted !== '') execFileSync('umount', [mounted]);
      }
    },
  );
});
