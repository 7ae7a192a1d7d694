import { chmodSync, linkSync, lstatSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { removeStaleStaging } from '../../../../src/archive/publish/staging/stale-staging.ts';
import { failed, instead } from '../../../support/file-system-calls.ts';
import { posix, requires } from '../../../support/platform-needs.ts';
import { describeTree, type TreeSpec } from '../../../support/tree.ts';
import { leftovers, staged } from '../staged.ts';
import {
  ADVICE,
  archived,
  fileText,
  onWindows,
  over,
  present,
  sum,
  windowsTraits,
} from './windows-refusals.ts';

describe(
  'where the system refuses to replace files that are read-only or in use, a commit',
  requires(posix),
  () => {
    test('replaces read-only files without a wait', async () => {
      const { to, at, publish, contents } = await over();
      for (const name of ['a', 'b', 'c']) chmodSync(at(name), 0o444);
      const system = onWindows();
      await publish();
      expect(contents()).toEqual(['new', 'new', 'new']);
      expect(system.waits).toEqual([]);
      expect(leftovers(await describeTree(to))).toEqual([]);
    });

    test('replaces a read-only file with a second name elsewhere, which keeps its content and attribute', async () => {
      const { to, at, publish, contents } = await over();
      linkSync(at('a'), join(to, 'store'));
      chmodSync(at('a'), 0o444);
      onWindows();
      await publish();
      expect(contents()).toEqual(['new', 'new', 'new']);
      expect(fileText(join(to, 'store'))).toBe('older');
      expect(lstatSync(join(to, 'store')).mode & 0o777).toBe(0o444);
    });

    test('replaces a file that a process has open, without a wait, and removes the old one', async () => {
      const { to, at, publish, contents } = await over();
      const system = onWindows();
      system.use(at('b'), 'shared');
      expect(await publish()).toEqual([]);
      expect(contents()).toEqual(['new', 'new', 'new']);
      expect(system.waits).toEqual([]);
      expect(leftovers(await describeTree(to))).toEqual([]);
    });

    test('replaces a running program, which the next restore removes when it has ended', async () => {
      const { at, publish, contents } = await over();
      const system = onWindows();
      system.use(at('b'), 'running');
      const remaining = { directory: dirname(at('b')), maybeInUse: 0, open: 1, irremovable: 0 };
      expect(await publish()).toEqual([remaining]);
      expect(contents()).toEqual(['new', 'new', 'new']);
      const left = async () => leftovers(await describeTree(at('.')));
      expect(await removeStaleStaging(at('.'), undefined)).toEqual([{ ...remaining, directory: at('.') }]);
      expect(await left()).not.toEqual([]);
      system.end();
      expect(await removeStaleStaging(at('.'), undefined)).toEqual([]);
      expect(await left()).toEqual([]);
    });

    test('keeps the present file visible while it waits for its own staged file', async () => {
      const { at, publish, contents, stagedAt } = await over();
      const system = onWindows();
      system.use(stagedAt('./tree/b'), 'held');
      const seen: string[] = [];
      system.duringWaits(() => {
        seen.push(fileText(at('b')));
        if (seen.length === 2) system.end();
      });
      await publish();
      expect(seen).toEqual(['older', 'older']);
      expect(contents()).toEqual(['new', 'new', 'new']);
    });

    test('puts back what it had moved aside, and the read-only attribute, when it fails', async () => {
      const { to, at, failure, stagedAt } = await over({ 'tree/b': 'new', 'tree/c': 'new' });
      const system = onWindows();
      system.use(at('b'), 'shared');
      chmodSync(at('c'), 0o444);
      const [second, third] = [stagedAt('./tree/b'), stagedAt('./tree/c')];
      instead('renameSync', rename => (from, target) => {
        if (String(from) === third || (String(from) === second && leftInPlace()))
          throw Object.assign(failed('EPERM', from), { dest: String(target) });
        rename(from, target);
      });
      const leftInPlace = () => lstatSync(at('b'), { throwIfNoEntry: false }) === undefined;
      const { message } = await failure();
      expect(message).toContain(
        `${join(to, 'tree/b')} cannot be written (EPERM); if a process has it open or runs it, `,
      );
      expect(fileText(at('b'))).toBe('older');
      expect([fileText(at('c')), lstatSync(at('c')).mode & 0o777]).toEqual(['older', 0o444]);
      expect(leftovers(await describeTree(to))).toEqual([]);
    });

    test('moves a directory with an open file in it out of the way of a file, piece by piece', async () => {
      const { to, at, publish } = await over(
        { 'tree/a': 'new' },
        { 'tree/a/deep/x': 'older', 'tree/a/y': 'older' },
      );
      const system = onWindows();
      system.use(at('a/deep/x'), 'shared');
      await publish();
      expect(fileText(at('a'))).toBe('new');
      expect(leftovers(await describeTree(to))).toEqual([]);
    });
  },
);

describe(
  'where the system does not rename a directory with an open file in it, a commit',
  requires(posix),
  () => {
    const spec: TreeSpec = {
      'tree/a/b/x': 'x',
      'tree/a/b/c/y': 'y',
      'tree/a/b/c': { directory: true, mtime: 1_500_000_000_000_001 },
      'tree/a/b': { directory: true, mtime: 1_500_000_000_000_002 },
      'tree/a/e/z': 'z',
      'tree/a/e': { directory: true, mtime: 1_500_000_000_000_003 },
      'tree/a': { directory: true, mtime: 1_500_000_000_000_004 },
      tree: { directory: true, mtime: 1_500_000_000_000_005 },
    };
    const times = (tree: Awaited<ReturnType<typeof describeTree>>) =>
      Object.fromEntries(Object.entries(tree).map(([name, { mtime, sha256 }]) => [name, [mtime, sha256]]));

    test.each<[string, TreeSpec]>([
      ['a new root', {}],
      ['a new directory', { tree: { directory: true } }],
    ])('publishes %s piece by piece, after one wait of three seconds', async (_, before) => {
      const { to, publish, stagedAt, expected } = await staged(spec, before, windowsTraits);
      const system = onWindows();
      system.use(stagedAt('./tree/a/b/c/y'), 'shared');
      await publish();
      expect(times(await describeTree(to))).toEqual(times(expected));
      expect(sum(system.waits)).toBe(3000);
    });

    test('publishes a new directory by one rename if the file is closed within three seconds', async () => {
      const { to, publish, stagedAt, expected } = await staged(spec, {}, windowsTraits);
      const inode = lstatSync(dirname(stagedAt('./tree/a/b/c/y'))).ino;
      const system = onWindows();
      system.use(stagedAt('./tree/a/b/c/y'), 'held');
      system.duringWaits(() => system.waits.length === 4 && system.end());
      await publish();
      expect(times(await describeTree(to))).toEqual(times(expected));
      expect(lstatSync(join(to, 'tree/a/b/c')).ino).toBe(inode);
    });

    test('names the path of an open file of the new directory that it cannot move either', async () => {
      const { to, publish, stagedAt } = await staged(spec, {}, windowsTraits);
      const system = onWindows();
      system.use(stagedAt('./tree/a/b/c/y'), 'held');
      await expect(publish()).rejects.toThrow(
        `${join(to, 'tree/a/b/c/y')} cannot be written (EBUSY); if a process`,
      );
    });
  },
);

test(
  'a commit that Windows refuses names the path of the user, and not that in staging',
  requires(posix),
  async () => {
    const { publish } = await staged(archived, present, { ...windowsTraits, separator: '\\' });
    instead('renameSync', rename => (from, to) => {
      if (!String(from).includes('.cache-s3-')) return rename(from, to);
      // As Node.js shows paths there
      const native = (name: string) => `D:\\a\\repo\\tree\\${name}`;
      throw Object.assign(failed('EPERM', native('.cache-s3-1-00000000-12345678\\f0\\0')), {
        dest: native('a'),
      });
    });
    onWindows();
    await expect(publish()).rejects.toThrow(
      `D:\\a\\repo\\tree\\a cannot be written (EPERM); if a process has it open or runs it, ${ADVICE}; else give this user the right to write it`,
    );
  },
);
