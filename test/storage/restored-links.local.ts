import { mkdirSync, readdirSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { scratch } from '../support/scratch.ts';
import { buildTree } from '../support/tree.ts';
import { jobsOf } from './incremental/jobs.ts';

/** The caches of two other jobs: of `a`, with a link `a/b` to a directory outside, and of `a/b/c`. `paths` are those of the second step. */
async function arrange(paths = ['a/b/c']) {
  const { job } = jobsOf();
  const [directory, outside] = [scratch(), scratch()];
  mkdirSync(path.join(outside, 'c'));
  writeFileSync(path.join(outside, 'c/secret'), 'secret');
  const planter = job({ paths: ['a'] });
  await buildTree(planter.workspace, { 'a/b': { symlink: outside } });
  await planter.save('planted');
  const other = job({ paths: ['a/b/c'] });
  await buildTree(other.workspace, { 'a/b/c/file': 'ordinary' });
  await other.save('ordinary');
  // Two steps of one job
  const [first, second] = [job({ directory, paths: ['a'] }), job({ directory, paths })];
  return { first, second, outside, workspace: second.workspace };
}

describe('a step below a link that an earlier restore of the job has made', () => {
  test('restores nothing through it and reports the link', async () => {
    const { first, second, outside, workspace } = await arrange();
    expect(await first.restore('planted')).toMatchObject({ kind: 'hit' });
    const outcome = await second.restore('ordinary');
    expect(outcome).toMatchObject({ kind: 'failed', treeChanged: false });
    expect(outcome.kind === 'failed' && outcome.error.message).toBe(
      `${path.join(workspace, 'a/b/c')} leads through ${path.join(workspace, 'a/b')}, a link that an earlier restore of this job has made and that is not followed; remove it or change \`path\``,
    );
    expect(readdirSync(path.join(outside, 'c'))).toEqual(['secret']);
  });

  test('saves nothing through it and reports the link', async () => {
    const { first, second, workspace } = await arrange();
    await first.restore('planted');
    expect(await second.save('stolen', { base: undefined })).toEqual({ kind: 'empty' });
    expect(second.lines).toEqual([
      `notice: 1 path is not in the cache (behind ${path.join(workspace, 'a/b')}, a link that a restore of this job has made): ${path.join(workspace, 'a/b/c')}.`,
    ]);
  });

  test('follows the link when a step of the user has made it again', async () => {
    const { first, second, outside, workspace } = await arrange();
    await first.restore('planted');
    rmSync(path.join(workspace, 'a/b'));
    symlinkSync(outside, path.join(workspace, 'a/b'));
    expect(await second.restore('ordinary')).toMatchObject({ kind: 'hit' });
    expect(readdirSync(path.join(outside, 'c')).sort()).toEqual(['file', 'secret']);
    expect(await second.save('own', { base: undefined })).toMatchObject({ kind: 'saved' });
  });
});

test('a later job follows a link that an earlier job of the same workspace has restored', async () => {
  const { first, second, outside } = await arrange();
  await first.restore('planted');
  // The runner empties RUNNER_TEMP between two jobs
  for (const record of readdirSync(first.temp)) rmSync(path.join(first.temp, record));
  expect(await second.restore('ordinary')).toMatchObject({ kind: 'hit' });
  expect(readdirSync(path.join(outside, 'c')).sort()).toEqual(['file', 'secret']);
});

test('a step saves again a link that its own restore has made', async () => {
  const { first } = await arrange();
  await first.restore('planted');
  writeFileSync(path.join(first.workspace, 'a/new'), 'new');
  expect(await first.save('again', { base: undefined })).toMatchObject({ kind: 'saved', entries: 3 });
});

test('several paths behind one restored link are reported in one notice', async () => {
  const { first, second, outside, workspace } = await arrange(['a/b/c/*']);
  for (const name of ['file', 'x', 'y']) writeFileSync(path.join(outside, 'c', name), name);
  rmSync(path.join(outside, 'c/secret'));
  await first.restore('planted');
  expect(await second.save('stolen', { base: undefined })).toEqual({ kind: 'empty' });
  const names = ['file', 'x', 'y'].map(name => path.join(workspace, 'a/b/c', name));
  expect(second.lines).toHaveLength(1);
  expect(second.lines[0]).toMatch(/^notice: 3 paths are not in the cache \(behind .* has made\): /);
  for (const name of names) expect(second.lines[0]).toContain(name);
});

test.each(['a/*', 'a/*/', '**/b'])(
  'a step saves again a link to a directory that its restore has made and that %s finds',
  async line => {
    const { job } = jobsOf();
    const [first, second, third] = [0, 1, 2].map(() => job({ paths: [line] }));
    await buildTree(first!.workspace, { 'a/b': { symlink: '../other' }, 'other/x': 'x' });
    await first!.save('first');
    mkdirSync(path.join(second!.workspace, 'other'));
    await second!.restore('second', { restoreKeys: ['f'] });
    expect(await second!.save('second')).toMatchObject({ kind: 'saved' });
    expect(second!.lines.join()).not.toContain('is not in the cache');
    await third!.restore('second');
    expect(readlinkSync(path.join(third!.workspace, 'a/b'))).toBe('../other');
  },
);
