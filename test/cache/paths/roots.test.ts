import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SourceTreeError } from '../../../src/archive/archive-errors.ts';
import { createPathLayout } from '../../../src/cache/paths/paths.ts';
import { longNameErrors, requires, symlinks } from '../../support/platform-needs.ts';
import { slashed } from '../../support/slashed.ts';

describe('the roots of a tree', () => {
  let root: string;
  const at = (name: string) => path.join(root, name);
  const found = async (lines: string[]) => {
    const layout = createPathLayout({ lines, workspace: root, home: at('home'), platformPath: path });
    return (await layout.roots()).map(name => slashed(path.relative(root, name)) || '.').sort();
  };

  beforeAll(() => {
    root = realpathSync(mkdtempSync(path.join(tmpdir(), 'cache-s3-roots-')));
    for (const name of ['c/keep/deep', 'c/skip/deep', 'home/.cargo', 'p/a/out', 'p/b/out', 'p/.h/out']) {
      mkdirSync(at(name), { recursive: true });
    }
    for (const name of ['c/keep/deep/f', 'c/skip/deep/f', 'p/a/out/f', '-x', 'c/keep/tmp', 'file']) {
      writeFileSync(at(name), name);
    }
    symlinkSync('nowhere', at('dangling'));
    mkdirSync(at('l'));
    symlinkSync('loop', at('l/loop'));
  });
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  test.each([
    [['c'], ['c']],
    [['c/**'], ['c']],
    [['c/', 'c', './c/**'], ['c']],
    [['missing', 'file/x'], []],
    [['file/'], []],
    [
      ['-x', '~/.cargo'],
      ['-x', 'home/.cargo'],
    ],
    [['p/*/out'], ['p/.h/out', 'p/a/out', 'p/b/out']],
    [
      ['p/*/out', '!p/b'],
      ['p/.h/out', 'p/a/out'],
    ],
    [
      ['c', '!c/skip', 'c/skip/deep'],
      ['c', 'c/skip/deep'],
    ],
    [['c', '!c'], []],
    [['c/**/*', '!c/skip'], ['c/keep']],
    [['l/loop/', 'l/loop/x', 'file'], ['file']],
    [['l', '!l/*/'], ['l']],
    [['file/x/*', 'p/*/out/f'], ['p/a/out/f']],
  ])('the lines %j find %j', async (patterns, expected) => {
    expect(await found(patterns)).toEqual(expected);
  });

  test.each([
    [['dangling'], ['dangling']],
    [['l/loop'], ['l/loop']],
    [['l/*', 'l/**/x', 'l/loop/*'], ['l/loop']],
  ])('the lines %j find the links %j', requires(symlinks), async (patterns, expected) => {
    expect(await found(patterns)).toEqual(expected);
  });

  test('a path below an excluded directory is found if a later line includes it', async () => {
    expect(await found(['c/*', '!c/skip', '**/deep'])).toEqual(['c/keep', 'c/keep/deep', 'c/skip/deep']);
  });

  test.each(['', '/x*'])(
    'a name that is too long, followed by %j, ends the search with one sentence',
    requires(longNameErrors),
    async rest => {
      await expect(found([`${'n'.repeat(300)}${rest}`])).rejects.toThrow(
        /^the paths of input 'path' cannot be searched \(ENAMETOOLONG: [^;]*\)$/,
      );
    },
  );

  test('the sentence about a line of 100,000 characters is short', requires(longNameErrors), async () => {
    const error = await found(['n'.repeat(100_000)]).catch(reason => reason);
    expect(error).toBeInstanceOf(SourceTreeError);
    expect(error.message.length).toBeLessThan(400);
  });
});
