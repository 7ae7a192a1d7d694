import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { TargetTreeError } from '../../../src/archive/archive-errors.ts';
import { MovedAside } from '../../../src/archive/publish/commit/moved-aside.ts';
import { StagingArea } from '../../../src/archive/publish/staging/staging-area.ts';
import { mounting, requires } from '../../support/platform-needs.ts';
import { scratch } from '../../support/scratch.ts';
import { buildTree, describeTree } from '../../support/tree.ts';
import { stageObject } from '../publish/staged.ts';
import { ageStaging } from '../support/age-staging.ts';
import { layoutIn, packTree, restoreBytes } from '../support/archives.ts';
import { usePlatform } from '../support/platform.ts';

/** Mounts for the length of `work`. */
async function mounted(args: readonly string[], point: string, work: () => Promise<void>): Promise<void> {
  execFileSync('mount', [...args, point]);
  try {
    await work();
  } finally {
    execFileSync('umount', [point]);
  }
}

async function saved() {
  const from = await buildTree(scratch(), {
    'tree/registry/cache/a.crate': 'new',
    'tree/registry/fresh/b': 'fresh',
    'tree/zz': 'new',
  });
  return { object: (await packTree(layoutIn(from))).object, expected: await describeTree(from) };
}

/** Restores on a system that does not list its mounts. `left`: its directories are known to be unchanged. */
async function restoreKnowingNoMounts(object: Buffer, to: string, left: boolean): Promise<void> {
  usePlatform({ listsMounts: false });
  const isWanted = (name: string) => !(left && ['./tree/', './tree/registry/'].includes(name));
  await (await stageObject(object, to, { isWanted })).publish();
}

describe('mount points below a cached directory', requires(mounting), () => {
  test.each([
    ['a bind mount', (shared: string) => ['--bind', shared]],
    ['another file system', () => ['-t', 'tmpfs', 'cache-s3-test']],
  ])('a restore renames files inside of %s', async (_, argsOf) => {
    const { object, expected } = await saved();
    const [to, shared] = [scratch(), scratch()];
    const point = join(to, 'tree/registry');
    mkdirSync(point, { recursive: true });
    await mounted(argsOf(shared), point, async () => {
      await buildTree(point, { 'cache/a.crate': 'old', 'cache/other': 'kept' });
      const layout = layoutIn(to);
      await restoreBytes(object, layout);
      await restoreBytes(object, layout);
      const { 'tree/registry/cache/other': other, ...found } = await describeTree(to);
      expect(found).toEqual(expected);
      expect(other).toBeDefined();
      expect(readFileSync(join(point, 'fresh/b'), 'utf8')).toBe('fresh');
    });
    // Nothing went beside the mount, into the directory that it hides
    expect(readdirSync(point)).toEqual([]);
  });

  test('a restore refuses to replace a mount point with a file and changes nothing', async () => {
    const { object } = await saved();
    const to = await buildTree(scratch(), {
      'tree/zz': { directory: true },
      'tree/registry/cache/a.crate': 'old',
    });
    await mounted(['-t', 'tmpfs', 'cache-s3-test'], join(to, 'tree/zz'), async () => {
      const before = await describeTree(to);
      const attempt = restoreBytes(object, layoutIn(to));
      await expect(attempt).rejects.toThrow(TargetTreeError);
      await expect(attempt).rejects.toThrow(
        `${to}/tree/zz is a mount point and cannot be replaced by the entry in the cache; change the mount or \`path\``,
      );
      expect(await describeTree(to)).toEqual(before);
    });
  });

  test('a restore refuses to replace a directory with a mount point deep inside and changes nothing', async () => {
    const from = await buildTree(scratch(), { 'tree/zz': { symlink: 'elsewhere' }, 'tree/a': 'new' });
    const { object } = await packTree(layoutIn(from));
    const to = await buildTree(scratch(), { 'tree/zz/deep/er': { directory: true }, 'tree/a': 'old' });
    const shared = await buildTree(scratch(), { precious: 'of another' });
    const point = join(to, 'tree/zz/deep/er');
    await mounted(['--bind', shared], point, async () => {
      const before = await describeTree(to);
      const attempt = restoreBytes(object, layoutIn(to));
      await expect(attempt).rejects.toThrow(TargetTreeError);
      await expect(attempt).rejects.toThrow(
        `${to}/tree/zz cannot be replaced by the entry in the cache: ${point} is a mount point; change the mount or \`path\``,
      );
      expect(await describeTree(to)).toEqual(before);
    });
    expect(readdirSync(shared)).toEqual(['precious']);
  });

  test('a restore replaces a directory of the name that a mount has below another mount', async () => {
    const from = await buildTree(scratch(), { 'tree/zz': { symlink: 'elsewhere' }, 'tree/a': 'new' });
    const { object } = await packTree(layoutIn(from));
    const to = await buildTree(scratch(), { 'tree/zz/deep': { directory: true } });
    const over = await buildTree(scratch(), { 'zz/deep': { directory: true } });
    await mounted(['-t', 'tmpfs', 'cache-s3-test'], join(to, 'tree/zz/deep'), () =>
      mounted(['--bind', over], join(to, 'tree'), async () => {
        await restoreBytes(object, layoutIn(to));
        expect(await describeTree(to)).toMatchObject({ 'tree/zz': { type: 'symlink', target: 'elsewhere' } });
      }),
    );
    expect(readdirSync(join(to, 'tree/zz'))).toEqual(['deep']);
  });

  test('a commit refuses a mount point that was added after the plan', async () => {
    const to = await buildTree(scratch(), { 'zz/deep': { directory: true } });
    const area = new StagingArea(to, statSync(to).dev, '1-00000000');
    area.create();
    await mounted(['-t', 'tmpfs', 'cache-s3-test'], join(to, 'zz/deep'), async () => {
      expect(() => new MovedAside().moveDirectoryAside(join(to, 'zz'), { path: to, area })).toThrow(
        TargetTreeError,
      );
      expect(readdirSync(join(to, 'zz'))).toEqual(['deep']);
    });
  });

  test('old staging with a mount point inside is not removed', async () => {
    const { object } = await saved();
    const staging = '.cache-s3-1-00000000-00000000';
    const to = await buildTree(scratch(), { [`tree/${staging}/0/deep`]: { directory: true } });
    const shared = await buildTree(scratch(), { precious: 'of another' });
    await mounted(['--bind', shared], join(to, 'tree', staging, '0/deep'), async () => {
      ageStaging(to);
      await restoreBytes(object, layoutIn(to));
      expect(readdirSync(shared)).toEqual(['precious']);
    });
  });

  test.each([false, true])(
    'a device without a known mount point has its own staging (directories unchanged: %s)',
    async left => {
      const { object, expected } = await saved();
      const to = scratch();
      const point = join(to, 'tree/registry');
      mkdirSync(point, { recursive: true });
      await mounted(['-t', 'tmpfs', 'cache-s3-test'], point, async () => {
        await buildTree(point, { 'cache/a.crate': 'old' });
        await restoreKnowingNoMounts(object, to, left);
        expect(await describeTree(to, { ignoreMtime: () => true })).toEqual(
          Object.fromEntries(Object.entries(expected).map(([name, entry]) => [name, { ...entry, mtime: 0 }])),
        );
      });
    },
  );

  test('a restore refuses to replace a mounted file and changes nothing', async () => {
    const { object } = await saved();
    const to = await buildTree(scratch(), { 'tree/zz': 'mounted over' });
    const secret = join(scratch(), 'secret');
    writeFileSync(secret, 'from elsewhere');
    await mounted(['--bind', secret], join(to, 'tree/zz'), async () => {
      const before = await describeTree(to);
      await expect(restoreBytes(object, layoutIn(to))).rejects.toThrow('is a mount point');
      expect(await describeTree(to)).toEqual(before);
    });
  });

  test('a restore into a read-only mount fails before it stages files', async () => {
    const { object } = await saved();
    const to = await buildTree(scratch(), { 'tree/registry': { directory: true } });
    const point = join(to, 'tree/registry');
    await mounted(['-t', 'tmpfs', '-o', 'ro', 'cache-s3-test'], point, async () => {
      const before = await describeTree(to);
      await expect(restoreBytes(object, layoutIn(to))).rejects.toThrow(
        `${point} cannot be written (EROFS: the file system is read-only)`,
      );
      expect(await describeTree(to)).toEqual(before);
    });
  });

  test('a restore onto a full disk changes nothing', async () => {
    const from = await buildTree(scratch(), { 'tree/a': 'new', 'tree/big': Buffer.alloc(3_000_000, 'x') });
    const { object } = await packTree(layoutIn(from));
    const to = await buildTree(scratch(), { tree: { directory: true } });
    await mounted(['-t', 'tmpfs', '-o', 'size=1m', 'cache-s3-test'], join(to, 'tree'), async () => {
      await buildTree(join(to, 'tree'), { a: { content: 'old', mtime: 1_500_000_000_000_001 } });
      const before = await describeTree(to);
      await expect(restoreBytes(object, layoutIn(to))).rejects.toThrow(
        'cannot be written (ENOSPC: the disk is full or has no free inode)',
      );
      expect(await describeTree(to)).toEqual(before);
    });
  });
});
