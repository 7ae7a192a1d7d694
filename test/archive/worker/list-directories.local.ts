import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { lstat, lstatExact } from '../../../src/archive/fs/file-status.ts';
import { splitMtime } from '../../../src/archive/fs/file-times.ts';
import { StatusRows } from '../../../src/archive/fs/status-rows.ts';
import { encodeListJob, readListings } from '../../../src/archive/messages/list-job.ts';
import { listDirectories } from '../../../src/archive/worker/list-directories.ts';
import { failed, instead } from '../../support/file-system-calls.ts';
import { scratch } from '../../support/scratch.ts';
import { buildTree } from '../../support/tree.ts';

function list(...directories: string[]) {
  return listAs(false, ...directories);
}

function listAs(exact: boolean, ...directories: string[]) {
  const result = listDirectories(structuredClone(encodeListJob(directories, exact)));
  const listings = new Map(readListings(result));
  return { reached: result.reached, listings, paths: [...listings.keys()] };
}

/** A directory for each name, with as many files as its number. */
async function filledDirectories(counts: Readonly<Record<string, number>>): Promise<string> {
  const root = scratch();
  for (const [name, count] of Object.entries(counts)) {
    await buildTree(root, { [name]: { directory: true } });
    for (let file = 0; file < count; file++) writeFileSync(join(root, name, String(file)), '');
  }
  return root;
}

describe('listDirectories', () => {
  test('reads directories and those below them, in the order of a scan, and not staging', async () => {
    // A file system lists names in an order of its own
    instead(
      'readdirSync',
      call =>
        ((path: string, encoding: 'utf8') => call(path, encoding).sort().reverse()) as unknown as typeof call,
    );
    const root = await buildTree(scratch(), {
      'b/y/f': 'data',
      'b/x/empty': '',
      'b/.cache-s3-1-0000abcd-0123abcd/left': 'staging',
      'a/link': { symlink: '../b' },
    });
    const [a, b] = [join(root, 'a'), join(root, 'b')];
    const { reached, listings, paths } = list(a, b);
    expect(reached).toBe(2);
    expect(paths).toEqual([a, b, `${b}/x`, `${b}/y`]);
    const namesIn = (path: string) => [...listings.get(path)!.names].sort();
    expect([namesIn(a), namesIn(b), namesIn(`${b}/x`)]).toEqual([['link'], ['x', 'y'], ['empty']]);
    expect(listings.get(a)!.statusOf(0).isSymbolicLink()).toBe(true);
  });

  test('reads the exact time of every item but files with data, which a worker reads with the data', async () => {
    const root = await buildTree(scratch(), { 'd/data': 'x', 'd/empty': '', 'd/sub/x': '' });
    const { names, statusOf } = list(join(root, 'd')).listings.get(join(root, 'd'))!;
    for (const [index, name] of names.entries()) {
      const exact = splitMtime(lstatExact(join(root, 'd', name))!.mtimeNs);
      expect(statusOf(index).exactMtime, name).toEqual(name === 'data' ? undefined : exact);
    }
  });

  test('reads the exact status and time of every item for an exact scan', async () => {
    const root = await buildTree(scratch(), { 'd/data': 'x', 'd/empty': '', 'd/sub/x': '' });
    const { names, statusOf } = listAs(true, join(root, 'd')).listings.get(join(root, 'd'))!;
    expect(names).toHaveLength(3);
    for (const [index, name] of names.entries()) {
      const stats = lstatExact(join(root, 'd', name))!;
      const rows = StatusRows.of(1);
      rows.set(0, stats);
      expect(rows.matches(0, statusOf(index).exact!), name).toBe(true);
      expect(statusOf(index).exactMtime, name).toEqual(splitMtime(stats.mtimeNs));
      const { mode, nlink, size, mtimeMs } = lstat(join(root, 'd', name))!;
      expect(statusOf(index), name).toMatchObject({ mode, nlink, size });
      expect(statusOf(index).mtimeMs, name).toBeCloseTo(mtimeMs, 2);
    }
  });

  test('reads no further directory after 4096 names', async () => {
    const root = await filledDirectories({ a: 4095, b: 2, c: 1 });
    const { reached, paths } = list(...['a', 'b', 'c'].map(name => join(root, name)));
    expect([reached, paths.map(path => path.slice(-1))]).toEqual([2, ['a', 'b']]);
  });

  test('reads no further directory below one after 4096 names', async () => {
    const root = await filledDirectories({ a: 4095, 'a/x': 1 });
    const { reached, paths } = list(join(root, 'a'));
    expect([reached, paths]).toEqual([1, [join(root, 'a')]]);
  });

  test('leaves out a directory that cannot be read to its end, and reads the others', async () => {
    const root = await buildTree(scratch(), { 'a/bad': '', 'a/sub/x': '', 'b/y': '' });
    instead(
      'lstatSync',
      call =>
        ((path: string, ...rest: []) => {
          if (String(path).endsWith('bad')) throw failed('EIO', path);
          return call(path, ...rest);
        }) as typeof call,
    );
    const { reached, paths } = list(join(root, 'a'), join(root, 'b'));
    expect([reached, paths]).toEqual([2, [join(root, 'b')]]);
  });

  test('lists a directory that has vanished as empty, and no name that has vanished', async () => {
    const root = await buildTree(scratch(), { 'a/gone': '', 'a/kept': '' });
    instead(
      'lstatSync',
      call =>
        ((path: string, ...rest: []) => {
          if (String(path).endsWith('gone')) renameSync(path, join(root, 'moved'));
          return call(path, ...rest);
        }) as typeof call,
    );
    const { listings } = list(join(root, 'a'), join(root, 'missing'));
    expect(listings.get(join(root, 'a'))!.names).toEqual(['kept']);
    expect(listings.get(join(root, 'missing'))!.names).toEqual([]);
  });
});
