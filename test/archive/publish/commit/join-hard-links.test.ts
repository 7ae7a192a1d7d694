import { lstatSync, readFileSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { instead } from '../../../support/file-system-calls.ts';
import { linux, requires } from '../../../support/platform-needs.ts';
import { scratch } from '../../../support/scratch.ts';
import { slashed } from '../../../support/slashed.ts';
import { describeTree, type TreeSpec } from '../../../support/tree.ts';
import { leftovers, staged } from '../staged.ts';

const mtime = 1_500_000_000_000_000;
const linked = (content: string): TreeSpec => ({
  'tree/a': { content, mtime },
  'tree/b': { hardlink: 'tree/a' },
  'tree/sub/c': { hardlink: 'tree/a' },
});

const inodes = (root: string) =>
  ['tree/a', 'tree/b', 'tree/sub/c'].map(name => lstatSync(join(root, name)).ino);

/** Stages two restores into one directory. The second one publishes its names after the first has published `tree/a`. */
async function interleaved(archived: [TreeSpec, TreeSpec], present: TreeSpec) {
  const to = scratch();
  const first = await staged(archived[0], present, undefined, to);
  const second = await staged(archived[1], {}, undefined, to);
  let isDone = false;
  instead('renameSync', rename => (from, target) => {
    rename(from, target);
    // A rename to the same name tests whether Windows would replace the file
    if (isDone || from === target || slashed(target) !== slashed(join(to, 'tree/a'))) return;
    isDone = true;
    for (const move of second.plan.moves) rename(move.from, move.to);
    for (const area of second.plan.areas) rmSync(area.path, { recursive: true });
  });
  return { to, first, second };
}

describe('when another restore publishes between two names of a file', () => {
  test.each<[string, TreeSpec]>([
    ['existing files', { ...linked('old'), 'tree/sub': { directory: true } }],
    ['an existing directory', { 'tree/sub': { directory: true } }],
  ])('over %s, the last commit leaves the names joined', async (_, present) => {
    const { to, first } = await interleaved([linked('same'), linked('same')], present);
    await first.publish();
    expect(new Set(inodes(to)).size).toBe(1);
    const found = await describeTree(to);
    expect(found).toEqual(first.expected);
    expect(leftovers(found)).toEqual([]);
  });

  test('the last commit leaves symlinks joined', requires(linux), async () => {
    const link: TreeSpec = {
      'tree/a': { symlink: 'target', mtime },
      'tree/b': { hardlink: 'tree/a' },
      'tree/sub/c': { hardlink: 'tree/a' },
    };
    const { to, first } = await interleaved([link, link], {
      'tree/a': { symlink: 'old' },
      'tree/sub': { directory: true },
    });
    await first.publish();
    expect(new Set(inodes(to)).size).toBe(1);
    expect(await describeTree(to)).toEqual(first.expected);
  });

  test('the last commit does not join names with the content of different archives', async () => {
    const { to, first } = await interleaved([linked('own'), linked('not')], linked('old'));
    await first.publish();
    expect(readFileSync(join(to, 'tree/a'), 'utf8')).toBe('not');
    expect(readFileSync(join(to, 'tree/b'), 'utf8')).toBe('own');
  });

  test('the commit joins the names again if a third restore replaces one of them meanwhile', async () => {
    const { to, first } = await interleaved([linked('same'), linked('same')], linked('old'));
    let links = 0;
    instead('linkSync', link => (from, target) => {
      link(from, target);
      if (++links > 1) return;
      // A third restore replaces the file that was just linked
      writeFileSync(join(to, 'fresh'), 'same');
      utimesSync(join(to, 'fresh'), mtime / 1e6, mtime / 1e6);
      renameSync(join(to, 'fresh'), join(to, 'tree/a'));
    });
    await first.publish();
    expect(links).toBeGreaterThan(1);
    expect(new Set(inodes(to)).size).toBe(1);
  });
});

test('a commit that merges into the tree of another restore leaves the names of a file joined', async () => {
  const to = scratch();
  const first = await staged(linked('same'), {}, undefined, to);
  const second = await staged(linked('same'), {}, undefined, to);
  await second.publish();
  await first.publish();
  expect(new Set(inodes(to)).size).toBe(1);
  expect(await describeTree(to)).toEqual(first.expected);
});
