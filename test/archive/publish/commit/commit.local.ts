import { lstatSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { TargetTreeError } from '../../../../src/archive/archive-errors.ts';
import { type Entry, EntryType } from '../../../../src/archive/format/entry.ts';
import { failed, instead } from '../../../support/file-system-calls.ts';
import { scratch } from '../../../support/scratch.ts';
import { buildTree, describeTree, type TreeSpec } from '../../../support/tree.ts';
import { entryOf } from '../../support/entry-of.ts';
import { leftovers, staged, stagedEntries, visible } from '../staged.ts';

describe('when another job, between staging and commit,', () => {
  test('publishes the same new directory, the commit merges both, with the modes and times of the archive', async () => {
    const spec: TreeSpec = {
      'tree/a/b/x': { content: 'x', mode: 0o444 },
      'tree/a/b/c/y': 'y',
      'tree/a/b': { directory: true, mode: 0o555, mtime: 1_500_000_000_000_001 },
      'tree/a/l': { symlink: 'b' },
      'tree/a': { directory: true, mode: 0o555, mtime: 1_500_000_000_000_002 },
      tree: { directory: true, mtime: 1_500_000_000_000_003 },
    };
    const { to, publish, expected } = await staged(spec, { tree: { directory: true } });
    await buildTree(to, {
      'tree/a/b/x': 'torn',
      'tree/a/b/theirs': 't',
      'tree/a/b': { directory: true, mode: 0o555 },
    });
    await publish();
    const { 'tree/a/b/theirs': theirs, ...found } = await describeTree(to);
    expect(found).toEqual(expected);
    expect(theirs).toBeDefined();
  });

  test('publishes an empty directory, the commit replaces it', async () => {
    const { to, publish, expected } = await staged({ 'tree/a/b': 'x' }, {});
    mkdirSync(join(to, 'tree'));
    await publish();
    expect(await describeTree(to)).toEqual(expected);
  });

  test('replaces an obstacle by the right directory, the commit merges into it', async () => {
    const { to, publish, expected } = await staged({ 'tree/a/b': 'x' }, { 'tree/a': 'a file' });
    rmSync(join(to, 'tree/a'));
    await buildTree(to, { 'tree/a/b': 'x', 'tree/a/theirs': 't' });
    await publish();
    const found = await describeTree(to);
    expect(found['tree/a/b']?.sha256).toBe(expected['tree/a/b']?.sha256);
    expect(found['tree/a/theirs']).toBeDefined();
    expect(leftovers(found)).toEqual([]);
  });

  test('replaces an obstacle by the right file, the commit replaces the file', async () => {
    const { to, publish, expected } = await staged({ 'tree/a': 'x' }, { 'tree/a/inside': 'y' });
    rmSync(join(to, 'tree/a'), { recursive: true });
    writeFileSync(join(to, 'tree/a'), 'x');
    await publish();
    expect((await describeTree(to))['tree/a']).toEqual(expected['tree/a']);
  });

  test('creates a file where a directory goes and a directory where a file goes, the commit replaces both', async () => {
    const { to, publish, expected } = await staged(
      { 'tree/a/b': 'x', 'tree/c': 'c' },
      { tree: { directory: true } },
    );
    await buildTree(to, { 'tree/a': 'file', 'tree/c/inside': 'y' });
    await publish();
    expect(await describeTree(to)).toEqual(expected);
  });

  test('replaces a directory by a link, the commit fails and does not touch the target of the link', async () => {
    const { to, publish } = await staged({ 'tree/a/b': 'new' }, { 'tree/a/b': 'old' });
    const outside = await buildTree(scratch(), { b: 'theirs' });
    renameSync(join(to, 'tree/a'), join(to, 'moved'));
    symlinkSync(outside, join(to, 'tree/a'));
    const before = await describeTree(outside, { root: true });
    await expect(publish()).rejects.toThrow(TargetTreeError);
    await expect(publish()).rejects.toThrow(`${join(to, 'tree/a')} is no longer a directory`);
    expect(await describeTree(outside, { root: true })).toEqual(before);
    expect(leftovers(await describeTree(to))).toEqual([]);
  });
});

/** Makes renames over a link fail until the test ends, as on Windows, where a link to a directory counts as a directory. */
function asOnWindows(): { refusals: number } {
  const seen = { refusals: 0 };
  instead('renameSync', rename => (from, to) => {
    if (lstatSync(String(to), { throwIfNoEntry: false })?.isSymbolicLink()) {
      seen.refusals++;
      throw failed('EPERM', from);
    }
    rename(from, to);
  });
  return seen;
}

describe('on a system whose renames do not replace links', () => {
  test('a commit replaces links by files, links and directories', async () => {
    const { to, publish, expected } = await staged(
      { 'tree/file': 'x', 'tree/link': { symlink: 'file' }, 'tree/directory/y': 'y', 'tree/z': 'z' },
      { 'tree/file': { symlink: 'elsewhere' }, 'tree/link': { symlink: 'old' } },
    );
    // Another job makes this link after the plan
    symlinkSync('elsewhere', join(to, 'tree/directory'));
    const seen = asOnWindows();
    await publish();
    expect(await describeTree(to)).toEqual(expected);
    expect(seen.refusals).toBeGreaterThan(0);
  });

  test('a failed commit puts back a link that it could not replace', async () => {
    const { to, publish, before, stagedAt } = await staged(
      { 'tree/a': 'x' },
      { 'tree/a': { symlink: 'mine' } },
    );
    asOnWindows();
    const from = stagedAt('./tree/a');
    instead('renameSync', rename => (source, target) => {
      if (String(source) === from && !lstatSync(String(target), { throwIfNoEntry: false }))
        throw failed('EIO', source);
      rename(source, target);
    });
    await expect(publish()).rejects.toThrow(TargetTreeError);
    expect((await visible(to))['tree/a']).toEqual(before['tree/a']);
  });
});

test('a commit gives up on a directory whose rename keeps failing', async () => {
  const { publish } = await staged({ 'tree/a/b': 'x' }, { tree: { directory: true } });
  let attempts = 0;
  instead('renameSync', () => from => {
    attempts++;
    throw failed('EPERM', from);
  });
  await expect(publish()).rejects.toThrow(TargetTreeError);
  // The bound on retries while another job takes away the right to write (writable.ts)
  expect(attempts).toBeLessThanOrEqual(100);
});

describe('with an archive that has one path as a link and as a directory', () => {
  const file = entryOf('./tree/0', EntryType.file);
  const targets: [string, Entry][] = [
    ['a symlink', entryOf('./tree/a/b', EntryType.symlink, { target: 'x' })],
    ['a hard link', entryOf('./tree/a/b', EntryType.hardLink, { linkTo: 1 })],
  ];

  // A restore refuses such an archive earlier. The commit must be safe without that check
  test.each(targets)(
    'a commit does not publish %s through a link that it has just published',
    async (_, inside) => {
      const outside = scratch();
      const to = await buildTree(scratch(), { 'tree/a/b': 'mine' });
      const entries = [
        entryOf('./tree/', EntryType.directory),
        file,
        entryOf('./tree/a', EntryType.symlink, { target: outside }),
        entryOf('./tree/a/', EntryType.directory),
        inside,
      ];
      const before = await visible(to);
      const publish = await stagedEntries(to, ['tree'], entries);
      await expect(publish()).rejects.toThrow(TargetTreeError);
      expect(await describeTree(outside)).toEqual({});
      expect((await visible(to))['tree/a/b']).toEqual(
        inside.type === EntryType.hardLink ? before['tree/a/b'] : undefined,
      );
    },
  );
});
