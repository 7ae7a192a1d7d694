import * as fs from 'node:fs';
import { describe, expect, test } from 'vitest';
import { grow, npmTime, rewriteInPlace } from './grow.ts';

/** What happens to a tree between a restore and the save that follows, one thing at a time: to its links. */

describe('links', () => {
  test('a symlink to another target of the same length and time', async () => {
    const link = (target: string) => ({ symlink: target, mtime: npmTime });
    const { grew, packed } = await grow({ 'tree/a': link('one'), 'tree/b': link('one') }, tree => {
      fs.rmSync(`${tree}/a`);
      fs.symlinkSync('two', `${tree}/a`);
      fs.lutimesSync(`${tree}/a`, npmTime / 1e6, npmTime / 1e6);
    });
    expect([grew, packed]).toEqual([true, []]);
  });

  const names = {
    'tree/1-first': { content: 'several names', mtime: npmTime },
    'tree/2-second': { hardlink: 'tree/1-first' },
    'tree/3-third': { hardlink: 'tree/1-first' },
  };

  test('nothing happens to a file with several names', async () => {
    expect((await grow(names, () => {})).packed).toEqual([]);
  });

  test.each<[string, (tree: string) => unknown, readonly string[]]>([
    [
      'the first name gets another file',
      tree => {
        fs.rmSync(`${tree}/1-first`);
        fs.writeFileSync(`${tree}/1-first`, 'a file');
      },
      ['./tree/1-first', './tree/2-second'],
    ],
    ['the first name goes', tree => fs.rmSync(`${tree}/1-first`), ['./tree/2-second']],
    ['the second name goes', tree => fs.rmSync(`${tree}/2-second`), ['./tree/1-first']],
    [
      'there is a new first name',
      tree => fs.linkSync(`${tree}/2-second`, `${tree}/0-before`),
      ['./tree/0-before'],
    ],
    [
      'it changes by its last name',
      tree => rewriteInPlace(`${tree}/3-third`, 'SEVERAL NAMES'),
      ['./tree/1-first'],
    ],
    [
      'the last name moves into a directory before the others',
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
  ])('%s', async (_, edit, packed) => {
    const grown = await grow(names, edit);
    expect([grown.grew, grown.packed]).toEqual([true, packed]);
  });
});
