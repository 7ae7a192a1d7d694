import { renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { TargetTreeError } from '../../../../src/archive/archive-errors.ts';
import { failureOf } from '../../../support/failure-of.ts';
import { failed, instead } from '../../../support/file-system-calls.ts';
import { anyNames, requires } from '../../../support/platform-needs.ts';
import { scratch } from '../../../support/scratch.ts';
import { slashed } from '../../../support/slashed.ts';
import { buildTree, describeTree, type TreeSpec } from '../../../support/tree.ts';
import { leftovers, staged, visible } from '../staged.ts';

/** Returns the error of a commit that fails. */
async function commitError(published: Promise<unknown>): Promise<TargetTreeError> {
  const error = await failureOf(published);
  if (error instanceof TargetTreeError) return error;
  throw error;
}

describe('a commit that fails', () => {
  const kinds: [string, TreeSpec, TreeSpec][] = [
    [
      'a directory',
      { 'tree/a': 'x' },
      {
        'tree/a/inside': 'mine',
        'tree/a': { directory: true, mode: 0o555, mtime: 1_500_000_000_000_001 },
      },
    ],
    ['a file', { 'tree/a/b': 'x' }, { 'tree/a': 'mine' }],
    ['a link', { 'tree/a/b': 'x' }, { 'tree/a': { symlink: 'mine' } }],
  ];
  const parent: TreeSpec = { tree: { directory: true, mode: 0o2750, mtime: 1_500_000_000_000_002 } };

  /** Stages `archived` over `present`, and removes one staged entry, as a cleanup by another process may. */
  async function losing(archived: TreeSpec, present: TreeSpec) {
    const { to, publish, stagedAt, before } = await staged(archived, { ...present, ...parent });
    rmSync(stagedAt('tree/a' in archived ? './tree/a' : './tree/a/'), { recursive: true });
    return { to, publish, before };
  }

  test.each(kinds)('puts back %s that it could not replace, with all times as before', async (...kind) => {
    const { to, publish, before } = await losing(kind[1], kind[2]);
    expect((await commitError(publish())).treeChanged).toBe(false);
    expect(await visible(to)).toEqual(before);
    expect(leftovers(await describeTree(to))).toEqual([]);
  });

  test.each(kinds)('puts back %s where hard links are refused', async (...kind) => {
    const { to, publish, before } = await losing(kind[1], kind[2]);
    // fs.protected_hardlinks refuses links to a file of another user
    instead('linkSync', () => path => {
      throw failed('EPERM', path);
    });
    await expect(publish()).rejects.toThrow(TargetTreeError);
    expect(await visible(to)).toEqual(before);
  });

  test.each(kinds)(
    'keeps %s that it cannot put back, and its message names the directory',
    async (...kind) => {
      const { to, publish, before } = await losing(kind[1], kind[2]);
      instead('renameSync', rename => (from, target) => {
        if (String(from).includes('.cache-s3-')) throw failed('EIO', from);
        rename(from, target);
      });
      const { message, treeChanged } = await commitError(publish());
      expect(treeChanged).toBe(true);
      expect(message).toContain(
        `; the previous ${join(to, 'tree/a')} could not be put back; it is kept for one day in ${join(to, 'tree')}, in a directory .cache-s3-*`,
      );
      const { type, sha256, target } = before['tree/a']!;
      const kept = Object.entries(await describeTree(to)).filter(([name]) => name.includes('.cache-s3-'));
      expect(kept.map(([, found]) => [found.type, found.sha256, found.target])).toContainEqual([
        type,
        sha256,
        target,
      ]);
    },
  );

  test('leaves directories in which it published nothing as they were', async () => {
    const present: TreeSpec = {
      'tree/a/b': 'old',
      'tree/a': { directory: true, mode: 0o700, mtime: 1_500_000_000_000_001 },
      'tree/c/d': 'old',
      'tree/c': { directory: true, mode: 0o700, mtime: 1_500_000_000_000_002 },
      tree: { directory: true, mode: 0o555, mtime: 1_500_000_000_000_003 },
    };
    const { to, publish } = await staged({ 'tree/a/b': 'new', 'tree/c/d': 'new', 'tree/e': 'new' }, present);
    const before = await describeTree(await buildTree(scratch(), present));
    const [a, moved] = [join(to, 'tree/c'), join(to, 'moved')];
    renameSync(a, moved);
    symlinkSync(moved, a);
    await expect(publish()).rejects.toThrow('is no longer a directory');
    rmSync(a);
    renameSync(moved, a);
    const { tree, ...found } = await describeTree(to);
    const { tree: treeBefore, ...rest } = before;
    for (const name of ['tree/a', 'tree/c']) expect(found[name]).toEqual(rest[name]);
    // The test itself has changed the time of this directory
    expect(tree!.mode).toBe(treeBefore!.mode);
  });

  test('leaves only complete files and no staging', async () => {
    const { to, publish, stagedAt } = await staged(
      { 'tree/a': 'new', 'tree/b': 'new' },
      { 'tree/a': 'old', 'tree/b': 'old' },
    );
    rmSync(stagedAt('./tree/b'));
    expect((await commitError(publish())).treeChanged).toBe(true);
    const found = await describeTree(to);
    expect(Object.keys(found)).toEqual(['tree', 'tree/a', 'tree/b']);
    expect([found['tree/a']?.size, found['tree/b']?.size]).toEqual([3, 3]);
  });

  test.each(['EPERM', 'EACCES'])('names the file that could not be replaced (%s)', async code => {
    const { to, publish } = await staged({ 'tree/a': 'new', 'tree/b': 'new' }, { 'tree/b': 'old' });
    instead('renameSync', rename => (from, target) => {
      if (slashed(target) === slashed(join(to, 'tree/b')))
        throw Object.assign(failed(code, from), { dest: String(target) });
      rename(from, target);
    });
    const { message } = await commitError(publish());
    expect(message).toContain(`${join(to, 'tree/b')} cannot be written (${code})`);
    // On Windows the message goes on with the previous file, which this failure keeps in staging
    expect(message.split(';')[0]).not.toContain('.cache-s3-');
  });

  test('names by its bytes a file whose name is not UTF-8', requires(anyNames), async () => {
    const name = 'hex:747265652fff';
    const { to, publish, stagedAt } = await staged({ [name]: 'new' }, { [name]: 'old' });
    rmSync(stagedAt('./tree/\udcff'));
    expect((await commitError(publish())).message).toBe(`${to}/tree/\udcff cannot be written (ENOENT)`);
  });

  test(
    'names by its bytes a directory whose name is not UTF-8 and that it could not move aside',
    requires(anyNames),
    async () => {
      const name = 'hex:747265652fff';
      const { to, publish } = await staged({ [name]: 'new' }, { [`${name}2f61`]: 'old' });
      instead('renameSync', rename => (from, target) => {
        if (Buffer.from(from as Buffer).at(-1) === 0x2f) throw failed('EIO', from);
        rename(from, target);
      });
      expect((await commitError(publish())).message).toBe(`${to}/tree/\udcff cannot be written (EIO)`);
    },
  );

  test('reports a changed tree when it was merging its only directory into that of another job', async () => {
    const { to, publish, stagedAt } = await staged({ 'tree/a/b': 'new' }, { tree: { directory: true } });
    await buildTree(to, { 'tree/a/theirs': 't' });
    const lost = `${stagedAt('./tree/a/')}/b`;
    instead('renameSync', rename => (from, target) => {
      if (String(from) === lost) throw failed('EIO', from);
      rename(from, target);
    });
    expect((await commitError(publish())).treeChanged).toBe(true);
  });
});

describe('a commit whose signal is aborted', () => {
  const names = Array.from({ length: 64 }, (_, index) => `tree/${100 + index}`);
  const state = (content: string): TreeSpec => Object.fromEntries(names.map(name => [name, content]));

  /** Makes renames so slow that the event loop gets turns, and aborts at the n-th. */
  function abortAt(rename: number): AbortSignal {
    const controller = new AbortController();
    let renames = 0;
    instead('renameSync', call => (from, to) => {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2);
      // A rename to the same name tests whether Windows would replace the file
      if (from !== to && ++renames === rename) controller.abort(new Error('the step was cancelled'));
      call(from, to);
    });
    return controller.signal;
  }

  test('stops between two files, with whole files of both states and no staging', async () => {
    const { to, publish } = await staged(state('new'), state('older'));
    const signal = abortAt(20);
    const { message, treeChanged } = await commitError(publish(signal));
    expect([message, treeChanged]).toEqual([
      'the step was cancelled while files were replaced; the next restore completes the tree',
      true,
    ]);
    const { tree: _, ...found } = await describeTree(to);
    const sizes = Object.values(found).map(({ size }) => size);
    expect(new Set(sizes)).toEqual(new Set([3, 5]));
    expect(Object.keys(found)).toEqual(names);
  });

  test("ends with the signal's reason if nothing was renamed, and the tree is as before", async () => {
    const spec = (content: string): TreeSpec =>
      Object.fromEntries(names.map(name => [`${name}/${content}`, content]));
    const { to, publish, before } = await staged(spec('a'), spec('a'));
    instead(
      'lstatSync',
      call =>
        ((...options: Parameters<typeof call>) => {
          Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2);
          return call(...options);
        }) as typeof call,
    );
    const reason = new Error('the step was cancelled');
    await expect(publish(AbortSignal.abort(reason))).rejects.toBe(reason);
    expect(await visible(to)).toEqual(before);
    expect(leftovers(await describeTree(to))).toEqual([]);
  });
});
