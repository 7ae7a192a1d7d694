import * as fs from 'node:fs';
import { describe, expect, test } from 'vitest';
import { linux, requires } from '../../support/platform-needs.ts';
import { npmTime, rewriteInPlace, saveAgain } from './save-again.ts';

/** One change to the links of a tree between a restore and the save that follows. */

describe('an incremental save', () => {
  test('stores the new target of a symlink, of the same length and time', async () => {
    const link = (target: string) => ({ symlink: target, mtime: npmTime });
    const { isIncremental, packed } = await saveAgain(
      { 'tree/a': link('one'), 'tree/b': link('one') },
      tree => {
        fs.rmSync(`${tree}/a`);
        fs.symlinkSync('two', `${tree}/a`);
        fs.lutimesSync(`${tree}/a`, npmTime / 1e6, npmTime / 1e6);
      },
    );
    expect([isIncremental, packed]).toEqual([true, []]);
  });

  test('keeps hard links between symlinks', requires(linux), async () => {
    const links = { 'tree/1': { symlink: 'x', mtime: npmTime }, 'tree/2': { hardlink: 'tree/1' } };
    const edits = [
      () => {},
      (tree: string) => fs.linkSync(`${tree}/2`, `${tree}/0`),
      (tree: string) => fs.rmSync(`${tree}/1`),
    ];
    expect((await saveAgain(links, ...edits)).isIncremental).toBe(true);
  });

  const names = {
    'tree/1-first': { content: 'several names', mtime: npmTime },
    'tree/2-second': { hardlink: 'tree/1-first' },
    'tree/3-third': { hardlink: 'tree/1-first' },
  };

  test('packs no name of an unchanged file with several names', async () => {
    expect((await saveAgain(names, () => {})).packed).toEqual([]);
  });

  test.each<[string, (tree: string) => unknown, readonly string[]]>([
    [
      'another file has the first name',
      tree => {
        fs.rmSync(`${tree}/1-first`);
        fs.writeFileSync(`${tree}/1-first`, 'a file');
      },
      ['./tree/1-first', './tree/2-second'],
    ],
    ['the first name is deleted', tree => fs.rmSync(`${tree}/1-first`), ['./tree/2-second']],
    ['the second name is deleted', tree => fs.rmSync(`${tree}/2-second`), ['./tree/1-first']],
    [
      'a link with a new first name is made',
      tree => fs.linkSync(`${tree}/2-second`, `${tree}/0-before`),
      ['./tree/0-before'],
    ],
    [
      'its content is changed through the last name',
      tree => rewriteInPlace(`${tree}/3-third`, 'SEVERAL NAMES'),
      ['./tree/1-first'],
    ],
    [
      'the last name is moved into a directory before the others',
      tree => {
        fs.mkdirSync(`${tree}/0`);
        fs.renameSync(`${tree}/3-third`, `${tree}/0/third`);
      },
      ['./tree/0/third'],
    ],
    [
      'its names become files of their own',
      tree => {
        for (const name of ['2-second', '3-third']) {
          fs.copyFileSync(`${tree}/${name}`, `${tree}/copy`);
          fs.renameSync(`${tree}/copy`, `${tree}/${name}`);
        }
      },
      ['./tree/1-first', './tree/2-second', './tree/3-third'],
    ],
  ])('packs a file with several names when %s', async (_, edit, packed) => {
    const again = await saveAgain(names, edit);
    expect([again.isIncremental, again.packed]).toEqual([true, packed]);
  });
});
