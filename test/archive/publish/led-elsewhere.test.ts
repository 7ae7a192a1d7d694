/** Tests commits whose directories another job has replaced by links after the plan. */

import { readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Entry, EntryType } from '../../../src/archive/format/entry.ts';
import { RefusedAttributes } from '../../../src/archive/fs/refused-attributes.ts';
import { RestoredLinks } from '../../../src/archive/fs/restored-links.ts';
import { commit } from '../../../src/archive/publish/commit.ts';
import { planTarget } from '../../../src/archive/publish/plan-target.ts';
import { Stage } from '../../../src/archive/publish/stage.ts';
import { scratch } from '../../support/scratch.ts';
import { buildTree, describeTree } from '../../support/tree.ts';
import { layoutIn } from '../support/archives.ts';

const entry = (name: string, type: EntryType, target = ''): Entry => ({
  ...{ name, type, mode: 0o755, mtimeUs: 0, mtimeRestNs: 0, size: 0, target, linkTo: -1 },
  ...{ uid: -1, gid: -1, frame: -1, offset: 0 },
});

/** Runs a restore of these entries up to its commit, with empty files. Returns the commit. */
async function stagedIn(to: string, patterns: readonly string[], entries: readonly Entry[]) {
  const layout = layoutIn(to, patterns);
  const plan = await planTarget(entries, {
    layout,
    restoredLinks: new RestoredLinks(),
    runLabel: '42-00c0ffee',
  });
  const refused = new RefusedAttributes();
  const stage = new Stage(plan, entries, layout, refused);
  await stage.open();
  entries.forEach(({ type }, index) => {
    if (type === EntryType.file) writeFileSync(plan.staged.at(index)!, '');
  });
  await stage.addLinks();
  await stage.finishDirectories();
  stage.close();
  return () => commit(plan, entries, layout, refused, new AbortController().signal);
}

test('a commit does not follow a link that another job has put in place of a root of a wildcard', async () => {
  const to = await buildTree(scratch(), { 'tree/a/b': 'old' });
  const outside = await buildTree(scratch(), { b: 'theirs' });
  const entries = [entry('./tree/a/', EntryType.directory), entry('./tree/a/b', EntryType.file)];
  const publish = await stagedIn(to, ['tree/*'], entries);
  renameSync(join(to, 'tree/a'), join(to, 'moved'));
  symlinkSync(outside, join(to, 'tree/a'));
  await expect(publish()).rejects.toThrow(`${to}/tree/a is no longer a directory`);
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
      entry('./tree/', EntryType.directory),
      entry('./tree/sub', EntryType.symlink, outside),
      entry(`${alias}/tree/sub/${name}`, type),
    ];
    const publish = await stagedIn(to, ['tre*', `${alias}/tree/sub/x`], entries);
    await expect(publish()).rejects.toThrow(
      `${alias}/tree/sub was replaced by another directory during the restore`,
    );
    expect(await describeTree(outside)).toEqual({});
  });
});
