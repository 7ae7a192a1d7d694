/** Trees with file systems of the kernel in them, such as an image whose /proc and /sys are mounted. */

import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { scratch } from '../../support/scratch.ts';
import { buildTree, describeTree } from '../../support/tree.ts';
import { layoutIn, packTree, restoreBytes } from '../support/archives.ts';

/** Mounts until the test ends. Returns false where that is not permitted, as in most containers. */
function mounted(type: string, point: string): boolean {
  try {
    execFileSync('mount', ['-t', type, type, point], { stdio: 'ignore' });
  } catch {
    return false;
  }
  onTestFinished(() => void execFileSync('umount', [point]));
  return true;
}

const reason = 'in a file system of the kernel, as /proc and /sys are';

describe.runIf(process.platform === 'linux')('files of the kernel', () => {
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
      if (!mounted(type, point)) return context.skip(`${type} cannot be mounted`);
    }
    const { object, skipped } = await packTree(layoutIn(from));
    expect(skipped).toEqual(['proc', 'sys'].map(name => `${from}/tree/${name}: ${reason}`));
    const to = scratch();
    await restoreBytes(object, layoutIn(to));
    const restored = Object.keys(await describeTree(to));
    expect(restored).toEqual(['tree', 'tree/a', 'tree/proc', 'tree/sys', 'tree/z', 'tree/z/b']);
  });
});
