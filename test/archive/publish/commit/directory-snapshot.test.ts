/** Tests commits whose directories another job has replaced by links after the plan. */

import { readFileSync, renameSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { EntryType } from '../../../../src/archive/format/entry.ts';
import { scratch } from '../../../support/scratch.ts';
import { buildTree, describeTree } from '../../../support/tree.ts';
import { entryOf } from '../../support/entry-of.ts';
import { stagedEntries } from '../staged.ts';

test('a commit does not follow a link that another job has put in place of a root of a wildcard', async () => {
  const to = await buildTree(scratch(), { 'tree/a/b': 'old' });
  const outside = await buildTree(scratch(), { b: 'theirs' });
  const entries = [entryOf('./tree/a/', EntryType.directory), entryOf('./tree/a/b', EntryType.file)];
  const publish = await stagedEntries(to, ['tree/*'], entries);
  renameSync(join(to, 'tree/a'), join(to, 'moved'));
  symlinkSync(outside, join(to, 'tree/a'));
  await expect(publish()).rejects.toThrow(`${join(to, 'tree/a')} is no longer a directory`);
  expect(readFileSync(join(outside, 'b'), 'utf8')).toBe('theirs');
});

// Checks of an archive compare names. A link above the step's paths gives one directory two names
describe('from an archive with one directory under two names', () => {
  test.each([
    ['a file', 'x', EntryType.file],
    ['a directory', 'x/', EntryType.directory],
  ])('%s is not published through a link in a tree that was just published', async (_, name, type) => {
    const [to, outside, alias] = [scratch(), scratch(), join(scratch(), 'alias')];
    await buildTree(to, { 'real/sub': { directory: true }, tree: { symlink: 'real' } });
    symlinkSync(to, alias);
    const entries = [
      entryOf('./tree/', EntryType.directory),
      entryOf('./tree/sub', EntryType.symlink, { target: outside }),
      entryOf(`${alias}/tree/sub/${name}`, type),
    ];
    const publish = await stagedEntries(to, ['tre*', `${alias}/tree/sub/x`], entries);
    await expect(publish()).rejects.toThrow(
      `${alias}/tree/sub was replaced by another directory during the restore`,
    );
    expect(await describeTree(outside)).toEqual({});
  });
});
