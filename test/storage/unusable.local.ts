/** Sound caches that a machine cannot hold: a miss that names the path, and never a reason to replace them. */

import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { encodeName } from '../../src/archive/fs/paths/names.ts';
import { createDirectoryStore } from '../../src/storage/directory/directory-store.ts';
import { objectPath } from '../../src/storage/directory/file-names.ts';
import type { ForgedEntry } from '../archive/support/craft.ts';
import { platforms, usePlatform } from '../archive/support/platform.ts';
import { bent, tree } from '../archive/support/refuses.ts';
import { scratch } from '../support/scratch.ts';
import { silentLog } from '../support/silent-log.ts';
import { buildTree, describeTree, type TreeSpec } from '../support/tree.ts';
import type { CacheJob } from './incremental/job.ts';
import { jobsOf } from './incremental/jobs.ts';

function setUp() {
  const root = scratch();
  const { job } = jobsOf(createDirectoryStore(root, { log: silentLog }));
  const fileOf = (of: CacheJob, key: string) => path.join(root, objectPath(of.objectName(key)));
  return { job, fileOf };
}

/** Expects that a job misses `key`, names the path, and leaves the object as it is with each of its saves. */
async function expectKept(
  job: CacheJob,
  key: string,
  reason: string,
  own: TreeSpec,
  file: string,
): Promise<void> {
  const before = readFileSync(file);
  expect(await job.restore(key)).toMatchObject({
    kind: 'miss',
    rejected: [{ kind: 'unusable', key, error: { message: expect.stringContaining(reason) } }],
  });
  expect(await describeTree(job.workspace)).toEqual({});
  await buildTree(job.workspace, own);
  expect(await job.save(key)).toEqual({ kind: 'exists', source: 'directory' });
  expect(await job.saveInFull(key)).toEqual({ kind: 'exists', source: 'directory' });
  expect(readFileSync(file).equals(before)).toBe(true);
}

/** The rules of Windows for names; the file system stays the one of this machine. */
function useNamesOfWindows(): void {
  const { forbiddenInComponents, namesAreBytes, mayFoldCase, foldsLetters } = platforms.win32;
  const createCaseProbe = () => () => true;
  usePlatform({ forbiddenInComponents, namesAreBytes, mayFoldCase, foldsLetters, createCaseProbe });
}

/** Stores an object under `key`, as a save of `saver` on another system would. */
async function stored(saver: CacheJob, key: string, entries: readonly ForgedEntry[], file: string) {
  await buildTree(saver.workspace, { 'tree/a': 'x' });
  expect(await saver.saveInFull(key)).toMatchObject({ kind: 'saved' });
  const object = bent(entries, ({ columns }) => {
    columns.head.object = saver.objectName(key);
  });
  writeFileSync(file, object);
}

describe('a cache that Linux saved, with the names of Windows', () => {
  test.each([
    ['a:b', 'has a name that is not valid on this system'],
    ['what?', 'has a name that is not valid on this system'],
    ['a*b', 'has a name that is not valid on this system'],
    ['<x>', 'has a name that is not valid on this system'],
    ['back\\slash', 'has a name that is not valid on this system'],
    ['caf\udce9', 'has a name that is not valid on this system'],
    ['other', 'differs only in case from another entry'],
  ])('is a miss for the name %j, and stays', async (name, reason) => {
    const { job, fileOf } = setUp();
    const saver = job();
    const file = fileOf(saver, 'k');
    await stored(
      saver,
      'k',
      tree(...['OTHER', name].sort().map(one => ({ name: encodeName(one), data: 'x' }))),
      file,
    );
    useNamesOfWindows();
    await expectKept(job(), 'k', `its entry ./tree/${name} ${reason}`, { 'tree/other': '' }, file);
  });

  test('is a miss for the name of a match of a wildcard, and stays', async () => {
    const { job, fileOf } = setUp();
    const paths = ['tree/*', '!tree/tmp'];
    const saver = job({ paths });
    const file = fileOf(saver, 'k');
    await stored(saver, 'k', [{ name: './tree/a:b', data: 'x' }], file);
    useNamesOfWindows();
    await expectKept(job({ paths }), 'k', 'its entry ./tree/a:b has a name', { 'tree/c': '' }, file);
  });
});

test('names that only some programs of Windows can open are saved and restored', async () => {
  useNamesOfWindows();
  const { job } = setUp();
  const saver = job();
  const names = ['aux.js', 'con.py', 'nul', 'com0', 'com¹', 'CONIN$', 'a.', 'b ', '...'];
  const files = names.flatMap(name => [`tree/${name}`, `tree/sub/${name}/x`]);
  await buildTree(saver.workspace, Object.fromEntries(files.map(file => [file, file])));
  await saver.saveInFull('k');
  const reader = job();
  expect(await reader.restore('k')).toMatchObject({ kind: 'hit' });
  expect(await describeTree(reader.workspace)).toEqual(await describeTree(saver.workspace));
  expect(await reader.restore('k', { isWarm: true })).toMatchObject({ kind: 'hit', rawBytes: 0 });
});

describe('a cache of a machine with another home directory', () => {
  /** Two jobs with the same `path`, in which `/homes` is a directory of this test: one at home there and one elsewhere. */
  function setUpHomes(lines: readonly string[]) {
    const { job, fileOf } = setUp();
    const { workspace: top } = job();
    const paths = lines.map(line => line.replace('/homes', path.join(top, 'homes')));
    const jobAt = (home: string) => job({ paths, home: path.join(top, home) });
    return { top, inHomes: jobAt('homes/one'), elsewhere: jobAt('root'), fileOf };
  }

  test('is a miss if a wildcard above the home directory does not match this one, and stays', async () => {
    const { top, inHomes, elsewhere, fileOf } = setUpHomes(['/homes/*/x']);
    await buildTree(top, { 'homes/one/x/file': 'one' });
    expect(await inHomes.saveInFull('k')).toMatchObject({ kind: 'saved' });
    const reason = 'its entry ~/x/ is outside the `path` of this step on this machine';
    await expectKept(elsewhere, 'k', reason, {}, fileOf(inHomes, 'k'));
  });

  test.each([
    [
      'an exclusion above the home directory matches',
      ['~/x', '!/homes'],
      'x/file',
      '~/x/ is outside the `path` of this step',
    ],
    [
      'an exclusion of a part of it matches',
      ['~/x', '!/homes/*/x/tmp'],
      'x/tmp/file',
      '~/x/tmp/ is excluded by `path`',
    ],
    [
      'another line includes the directory above an entry',
      ['~/x', '/homes'],
      'x/file',
      '~/x/ has a parent that `path` includes and the archive does not',
    ],
  ])('is a miss if %s here, and stays', async (_, lines, file, reason) => {
    const { top, inHomes, elsewhere, fileOf } = setUpHomes(lines);
    await buildTree(top, { [`root/${file}`]: 'one' });
    expect(await elsewhere.saveInFull('k')).toMatchObject({ kind: 'saved' });
    await expectKept(inHomes, 'k', `its entry ${reason} on this machine`, {}, fileOf(elsewhere, 'k'));
  });
});
