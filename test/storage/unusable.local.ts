/** Sound caches that a machine cannot hold: a miss that names the path, and never a reason to replace them. */

import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { fsPath } from '../../src/archive/fs/paths/names.ts';
import { createDirectoryStore } from '../../src/storage/directory/directory-store.ts';
import { objectPath } from '../../src/storage/directory/file-names.ts';
import { platforms, usePlatform } from '../archive/support/platform.ts';
import { scratch } from '../support/scratch.ts';
import { silentLog } from '../support/silent-log.ts';
import { buildTree, describeTree, type TreeSpec } from '../support/tree.ts';
import type { CacheJob } from './incremental/job.ts';
import { jobsOf } from './incremental/jobs.ts';

function setUp() {
  const root = scratch();
  const { job } = jobsOf(createDirectoryStore(root, { log: silentLog }));
  const bytesOf = (of: CacheJob, key: string) =>
    readFileSync(path.join(root, objectPath(of.objectName(key))));
  return { job, bytesOf };
}

/** Expects that a job misses `key`, names the path, and leaves the object as it is with each of its saves. */
async function expectKept(
  job: CacheJob,
  key: string,
  reason: string,
  tree: TreeSpec,
  bytes: () => Buffer,
): Promise<void> {
  const before = bytes();
  expect(await job.restore(key)).toMatchObject({
    kind: 'unusable',
    key,
    error: { message: expect.stringContaining(reason) },
  });
  expect(await describeTree(job.workspace)).toEqual({});
  await buildTree(job.workspace, tree);
  expect(await job.save(key)).toEqual({ kind: 'exists', source: 'directory' });
  expect(await job.saveInFull(key)).toEqual({ kind: 'exists', source: 'directory' });
  expect(bytes().equals(before)).toBe(true);
}

/** The rules of Windows for names; the file system stays the one of this machine. */
function useNamesOfWindows(): void {
  const { forbiddenInComponents, namesAreBytes, mayFoldCase, foldsLetters } = platforms.win32;
  const createCaseProbe = () => () => true;
  usePlatform({ forbiddenInComponents, namesAreBytes, mayFoldCase, foldsLetters, createCaseProbe });
}

describe.runIf(process.platform === 'linux')('a cache that Linux saved, with the names of Windows', () => {
  test.each([
    ['a:b', 'has a name that is not valid on this system'],
    ['what?', 'has a name that is not valid on this system'],
    ['a*b', 'has a name that is not valid on this system'],
    ['<x>', 'has a name that is not valid on this system'],
    ['back\\slash', 'has a name that is not valid on this system'],
    ['caf\udce9', 'has a name that is not valid on this system'],
    ['OTHER', 'differs only in case from another entry'],
  ])('is a miss for the name %j, and stays', async (name, reason) => {
    const { job, bytesOf } = setUp();
    const saver = job();
    await buildTree(saver.workspace, { 'tree/other': 'y' });
    writeFileSync(fsPath(path.join(saver.workspace, 'tree', name)), 'x');
    await saver.saveInFull('k');
    useNamesOfWindows();
    const reader = job();
    const shown = name === 'OTHER' ? './tree/other' : `./tree/${name}`;
    await expectKept(reader, 'k', `its entry ${shown} ${reason}`, { 'tree/other': 'mine' }, () =>
      bytesOf(saver, 'k'),
    );
  });

  test('is a miss for the name of a match of a wildcard, and stays', async () => {
    const { job, bytesOf } = setUp();
    const paths = ['tree/*', '!tree/tmp'];
    const saver = job({ paths });
    await buildTree(saver.workspace, { 'tree/a:b': 'x' });
    await saver.saveInFull('k');
    useNamesOfWindows();
    await expectKept(job({ paths }), 'k', 'its entry ./tree/a:b has a name', { 'tree/c': '' }, () =>
      bytesOf(saver, 'k'),
    );
  });

  test('is restored with names that other programs of Windows cannot open', async () => {
    const { job } = setUp();
    const saver = job();
    const names = ['aux.js', 'con.py', 'nul', 'com0', 'com¹', 'CONIN$', 'a.', 'b '];
    await buildTree(saver.workspace, Object.fromEntries(names.map(name => [`tree/${name}`, name])));
    await saver.saveInFull('k');
    useNamesOfWindows();
    const reader = job();
    expect(await reader.restore('k')).toMatchObject({ kind: 'hit' });
    expect(await describeTree(reader.workspace)).toEqual(await describeTree(saver.workspace));
  });
});

describe('a cache of a machine with another home directory', () => {
  /** Two jobs with the same `path`, in which `/homes` is a directory of this test: one at home there and one elsewhere. */
  function setUpHomes(lines: readonly string[]) {
    const { job, bytesOf } = setUp();
    const { workspace: top } = job();
    const paths = lines.map(line => line.replace('/homes', `${top}/homes`));
    const jobAt = (home: string) => job({ paths, home: path.join(top, home) });
    return { top, inHomes: jobAt('homes/one'), elsewhere: jobAt('root'), bytesOf };
  }

  test('is a miss if a wildcard above the home directory does not match this one, and stays', async () => {
    const { top, inHomes, elsewhere, bytesOf } = setUpHomes(['/homes/*/x']);
    await buildTree(top, { 'homes/one/x/file': 'one' });
    expect(await inHomes.saveInFull('k')).toMatchObject({ kind: 'saved' });
    const reason = 'its entry ~/x/ is outside the `path` of this step on this machine';
    await expectKept(elsewhere, 'k', reason, {}, () => bytesOf(inHomes, 'k'));
  });

  test('is a miss if an exclusion above the home directory matches here, and stays', async () => {
    const { top, inHomes, elsewhere, bytesOf } = setUpHomes(['~/x', '!/homes']);
    await buildTree(top, { 'root/x/file': 'one' });
    expect(await elsewhere.saveInFull('k')).toMatchObject({ kind: 'saved' });
    const reason = 'its entry ~/x/ is outside the `path` of this step on this machine';
    await expectKept(inHomes, 'k', reason, {}, () => bytesOf(elsewhere, 'k'));
  });

  test('is a miss if an exclusion of a part of it matches here, and stays', async () => {
    const { top, inHomes, elsewhere, bytesOf } = setUpHomes(['~/x', '!/homes/*/x/tmp']);
    await buildTree(top, { 'root/x/tmp/file': 'one' });
    expect(await elsewhere.saveInFull('k')).toMatchObject({ kind: 'saved' });
    const reason = 'its entry ~/x/tmp/ is excluded by `path` on this machine';
    await expectKept(inHomes, 'k', reason, {}, () => bytesOf(elsewhere, 'k'));
  });

  test('is a miss if another line includes the directory above an entry here, and stays', async () => {
    const { top, inHomes, elsewhere, bytesOf } = setUpHomes(['~/x', '/homes']);
    await buildTree(top, { 'root/x/file': 'one' });
    expect(await elsewhere.saveInFull('k')).toMatchObject({ kind: 'saved' });
    const reason =
      'its entry ~/x/ has a parent that `path` includes and the archive does not on this machine';
    await expectKept(inHomes, 'k', reason, {}, () => bytesOf(elsewhere, 'k'));
  });
});
