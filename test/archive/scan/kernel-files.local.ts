/** Trees with file systems of the kernel in them, such as an image whose /proc and /sys are mounted. */

import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Listings } from '../../../src/archive/scan/listings.ts';
import { InlineRunner } from '../../../src/archive/worker/worker.ts';
import { largeDirectories, linux, requires } from '../../support/platform-needs.ts';
import { scratch } from '../../support/scratch.ts';
import { buildTree, describeTree } from '../../support/tree.ts';
import { layoutIn, packTree, restoreBytes } from '../support/archives.ts';
import { saveAndRestore } from '../support/save-and-restore.ts';
import { entriesOf } from './support.ts';

/** Mounts until the test ends. Returns false where that is not permitted, as in most containers. */
function mounted(args: readonly string[], point: string): boolean {
  try {
    execFileSync('mount', [...args, point], { stdio: 'ignore' });
  } catch {
    return false;
  }
  onTestFinished(() => void execFileSync('umount', [point]));
  return true;
}

const reason = 'in a file system of the kernel, as /proc and /sys are';

describe('files of the kernel', requires(linux), () => {
  test.each(['/proc/sys/kernel', '/proc/sys/kernel/hostname', '/sys/kernel'])(
    'a save of %s and a tree saves the tree, and reports the other path once',
    async kernelPath => {
      const from = await buildTree(scratch(), { 'tree/a': 'a' });
      const { object, skipped } = await packTree(layoutIn(from, ['tree', kernelPath]));
      expect(skipped).toEqual([`${kernelPath}: ${reason}`]);
      const to = scratch();
      await restoreBytes(object, layoutIn(to, ['tree', kernelPath]));
      expect(Object.keys(await describeTree(to))).toEqual(['tree', 'tree/a']);
    },
  );

  test('the mount points of /proc and /sys in an image are saved as empty directories', async context => {
    const from = await buildTree(scratch(), { 'tree/a': 'a', 'tree/z/b': 'b' });
    for (const [type, name] of [
      ['proc', 'proc'],
      ['sysfs', 'sys'],
    ] as const) {
      const point = join(from, 'tree', name);
      mkdirSync(point);
      if (!mounted(['-t', type, type], point)) return context.skip(`${type} cannot be mounted`);
    }
    const { to, skipped } = await saveAndRestore(from);
    expect(skipped).toEqual(['proc', 'sys'].map(name => `${from}/tree/${name}: ${reason}`));
    const restored = Object.keys(await describeTree(to));
    expect(restored).toEqual(['tree', 'tree/a', 'tree/proc', 'tree/sys', 'tree/z', 'tree/z/b']);
  });

  test('no job begins at the mount point of /proc in an image', requires(largeDirectories), async context => {
    const from = await buildTree(scratch(), { 'tree/a/x': 'x', 'tree/proc': { directory: true } });
    const point = join(from, 'tree/proc');
    if (!mounted(['-t', 'proc', 'proc'], point)) return context.skip('cannot mount');
    // More than one job reads
    for (let file = 0; file < 4200; file++) writeFileSync(join(from, `tree/a/${file}`), '');
    const read: string[] = [];
    const runner = new InlineRunner();
    const listings = new Listings({ exact: false });
    listings.begin({
      width: 1,
      close: () => runner.close(),
      run: job => {
        if (job.kind === 'list') read.push(...job.directories.split('\0'));
        return runner.run(job);
      },
    });
    const layout = layoutIn(from);
    await entriesOf(layout, await layout.roots(), { listings });
    expect(read).toEqual([join(from, 'tree/a')]);
    expect(listings.take(point)).toBeUndefined();
  });

  test('the mount points of an image are found behind a link to it', async context => {
    const from = await buildTree(scratch(), { 'image/a': 'a', 'image/proc': { directory: true } });
    symlinkSync('image', join(from, 'tree'));
    if (!mounted(['-t', 'proc', 'proc'], join(from, 'image/proc'))) return context.skip('cannot mount');
    const { to, skipped } = await saveAndRestore(from);
    expect(skipped).toEqual([`${from}/tree/proc: ${reason}`]);
    expect(Object.keys(await describeTree(to))).toEqual(['tree', 'tree/a', 'tree/proc']);
  });

  test('a file of /proc that is mounted in a tree is left out', async context => {
    const from = await buildTree(scratch(), { 'tree/a': 'a', 'tree/b': 'hidden', 'tree/c': 'c' });
    if (!mounted(['--bind', '/proc/version'], join(from, 'tree/b'))) return context.skip('cannot mount');
    const { to, skipped } = await saveAndRestore(from);
    expect(skipped).toEqual([`${from}/tree/b: ${reason}`]);
    expect(Object.keys(await describeTree(to))).toEqual(['tree', 'tree/a', 'tree/c']);
  });

  test('what is mounted over a mounted /proc is saved', async context => {
    const from = await buildTree(scratch(), { 'tree/a': 'a', 'tree/d/proc': { directory: true } });
    const shared = await buildTree(scratch(), { 'proc/b': 'b' });
    if (!mounted(['-t', 'proc', 'proc'], join(from, 'tree/d/proc'))) return context.skip('cannot mount');
    mounted(['--bind', shared], join(from, 'tree/d'));
    const { to, skipped } = await saveAndRestore(from);
    expect(skipped).toEqual([]);
    const names = ['tree', 'tree/a', 'tree/d', 'tree/d/proc', 'tree/d/proc/b'];
    expect(Object.keys(await describeTree(to))).toEqual(names);
  });

  test.each<[string, string, string[]]>([
    ['is a link there', '/proc/sys/kernel', ['link']],
    ['is a link to a link there', 'other', ['link']],
    ['is behind a link there', '/proc/sys', ['link/kernel']],
    ['is a file behind a link there', '/proc/sys/kernel', ['link/hostname']],
    ['is a wildcard behind a link there', '/sys/kernel', ['link/*']],
  ])('a path that %s is left out', async (_, target, patterns) => {
    const from = await buildTree(scratch(), { 'tree/a': 'a', link: { symlink: target } });
    symlinkSync('/sys/kernel', join(from, 'other'));
    const { object, skipped } = await packTree(layoutIn(from, ['tree', ...patterns]));
    expect(skipped.length).toBeGreaterThan(0);
    for (const line of skipped) expect(line).toMatch(new RegExp(`/link.*: ${reason}$`));
    const to = scratch();
    await restoreBytes(object, layoutIn(to, ['tree', ...patterns]));
    expect(Object.keys(await describeTree(to))).toEqual(['tree', 'tree/a']);
  });

  test('a link into /proc below a path stays a link', async () => {
    const from = await buildTree(scratch(), {
      'tree/a': 'a',
      'tree/mounts': { symlink: '/proc/self/mounts' },
    });
    symlinkSync('/sys/kernel', join(from, 'tree/sys'));
    const { to, skipped } = await saveAndRestore(from);
    expect(skipped).toEqual([]);
    expect(await describeTree(to)).toMatchObject({
      'tree/mounts': { type: 'symlink', target: '/proc/self/mounts' },
      'tree/sys': { type: 'symlink', target: '/sys/kernel' },
    });
  });

  test('a path that leads through /proc to a directory of the disk is saved', async () => {
    const from = await buildTree(scratch(), { 'tree/a': 'a' });
    const fd = openSync(join(from, 'tree'), 'r');
    onTestFinished(() => closeSync(fd));
    symlinkSync(`/proc/self/fd/${fd}`, join(from, 'link'));
    const { object, skipped } = await packTree(layoutIn(from, ['link']));
    expect(skipped).toEqual([]);
    const to = scratch();
    await restoreBytes(object, layoutIn(to, ['link']));
    expect(Object.keys(await describeTree(to))).toEqual(['link', 'link/a']);
  });
});
