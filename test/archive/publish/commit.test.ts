import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Entry } from '../../../src/archive/entry.ts';
import { TargetTreeError } from '../../../src/archive/errors.ts';
import { openArchive } from '../../../src/archive/open-archive.ts';
import { commit } from '../../../src/archive/publish/commit.ts';
import { Stage } from '../../../src/archive/publish/stage.ts';
import { planTarget, type TargetPlan } from '../../../src/archive/publish/target-plan.ts';
import { unpack } from '../../../src/archive/unpack.ts';
import { InlineRunner } from '../../../src/archive/worker-pool.ts';
import { buildTree, describeTree, type TreeDescription, type TreeSpec } from '../../support/tree.ts';
import { scratch } from '../scratch.ts';
import { layoutIn, packTree, tailOf } from '../support.ts';

interface Staged {
  readonly to: string;
  readonly plan: TargetPlan;
  readonly entries: readonly Entry[];
  readonly expected: Awaited<ReturnType<typeof describeTree>>;
  publish(): void;
  stagedAt(name: string): string;
}

/** A restore of `archived` over `present`, all done but its commit: what other jobs do comes in between. */
async function staged(archived: TreeSpec, present: TreeSpec): Promise<Staged> {
  const from = await buildTree(scratch(), archived);
  const { object } = await packTree(await layoutIn(from));
  const archive = await openArchive(tailOf(object, object.length), object.length, () => Promise.reject());
  const to = await buildTree(scratch(), present);
  const { entries } = archive.manifest;
  const plan = planTarget(entries, { layout: await layoutIn(to), runLabel: '1-00000000' });
  const stage = new Stage(plan, entries);
  stage.open();
  const read = () => Promise.reject(new Error('all is in the tail'));
  await unpack({ archive, read, runner: new InlineRunner(), staged: Promise.resolve(plan.staged) });
  stage.addLinks();
  stage.finishDirectories();
  stage.close();
  return {
    to,
    plan,
    entries,
    expected: await describeTree(from),
    publish: () => commit(plan, entries),
    stagedAt: name => plan.staged[entries.findIndex(entry => entry.name === name)]!,
  };
}

/** What is there but staging; times of directories change when something is moved through them. */
async function visible(to: string): Promise<TreeDescription> {
  const tree = await describeTree(to, { ignoreMtime: () => true });
  return Object.fromEntries(Object.entries(tree).filter(([name]) => !name.includes('.cache-s3-')));
}

const leftovers = (tree: object) => Object.keys(tree).filter(name => name.includes('.cache-s3-'));

describe('between staging and commit another job', () => {
  test('publishes the same new directory: both are merged, with the modes and times of the archive', async () => {
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
    publish();
    const { 'tree/a/b/theirs': theirs, ...found } = await describeTree(to);
    expect(found).toEqual(expected);
    expect(theirs).toBeDefined();
  });

  test('publishes an empty one: it is replaced', async () => {
    const { to, publish, expected } = await staged({ 'tree/a/b': 'x' }, {});
    mkdirSync(join(to, 'tree'));
    publish();
    expect(await describeTree(to)).toEqual(expected);
  });

  test('puts the right directory in place of what was in the way: that is kept, and merged', async () => {
    const { to, publish, expected } = await staged({ 'tree/a/b': 'x' }, { 'tree/a': 'a file' });
    rmSync(join(to, 'tree/a'));
    await buildTree(to, { 'tree/a/b': 'x', 'tree/a/theirs': 't' });
    publish();
    const found = await describeTree(to);
    expect(found['tree/a/b']?.sha256).toBe(expected['tree/a/b']?.sha256);
    expect(found['tree/a/theirs']).toBeDefined();
    expect(leftovers(found)).toEqual([]);
  });

  test('puts the right file in place of a directory that was in the way', async () => {
    const { to, publish, expected } = await staged({ 'tree/a': 'x' }, { 'tree/a/inside': 'y' });
    rmSync(join(to, 'tree/a'), { recursive: true });
    writeFileSync(join(to, 'tree/a'), 'x');
    publish();
    expect((await describeTree(to))['tree/a']).toEqual(expected['tree/a']);
  });

  test('puts a file where our new directory goes, and a directory where our file goes', async () => {
    const { to, publish, expected } = await staged(
      { 'tree/a/b': 'x', 'tree/c': 'c' },
      { tree: { directory: true } },
    );
    await buildTree(to, { 'tree/a': 'file', 'tree/c/inside': 'y' });
    publish();
    expect(await describeTree(to)).toEqual(expected);
  });

  test('puts a link where a directory was: refused, and what is behind it is untouched', async () => {
    const { to, publish } = await staged({ 'tree/a/b': 'new' }, { 'tree/a/b': 'old' });
    const outside = await buildTree(scratch(), { b: 'theirs' });
    renameSync(join(to, 'tree/a'), join(to, 'moved'));
    symlinkSync(outside, join(to, 'tree/a'));
    const before = await describeTree(outside, { root: true });
    expect(publish).toThrow(TargetTreeError);
    expect(publish).toThrow(`${to}/tree/a was a directory and is none any more`);
    expect(await describeTree(outside, { root: true })).toEqual(before);
    expect(leftovers(await describeTree(to))).toEqual([]);
  });
});

describe('a commit that fails', () => {
  test.each<[string, TreeSpec, TreeSpec]>([
    ['a directory', { 'tree/a': 'x' }, { 'tree/a/inside': 'mine' }],
    ['a file', { 'tree/a/b': 'x' }, { 'tree/a': 'mine' }],
    ['a link', { 'tree/a/b': 'x' }, { 'tree/a': { symlink: 'mine' } }],
  ])('puts %s back that it could not replace', async (_, archived, present) => {
    const { to, publish, stagedAt } = await staged(archived, present);
    const before = await visible(to);
    // As when someone else cleans up: the rename that would fill the gap fails
    const lost = stagedAt('tree/a' in archived ? './tree/a' : './tree/a/');
    rmSync(lost, { recursive: true });
    expect(publish).toThrow(TargetTreeError);
    expect(await visible(to)).toEqual(before);
    expect(leftovers(await describeTree(to))).toEqual([]);
  });

  test('leaves what it has published, whole, and no staging', async () => {
    const { to, publish, stagedAt } = await staged(
      { 'tree/a': 'new', 'tree/b': 'new' },
      { 'tree/a': 'old', 'tree/b': 'old' },
    );
    rmSync(stagedAt('./tree/b'));
    expect(publish).toThrow(TargetTreeError);
    const found = await describeTree(to);
    expect(Object.keys(found)).toEqual(['tree', 'tree/a', 'tree/b']);
    expect([found['tree/a']?.size, found['tree/b']?.size]).toEqual([3, 3]);
  });
});
