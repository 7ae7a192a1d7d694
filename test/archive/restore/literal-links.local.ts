import { mkdirSync, readdirSync, readlinkSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { TargetTreeError, UnusableArchiveError } from '../../../src/archive/archive-errors.ts';
import { RestoredLinks } from '../../../src/archive/fs/links/restored-links.ts';
import { scratch } from '../../support/scratch.ts';
import { buildTree, describeTree } from '../../support/tree.ts';
import { layoutIn, packTree, restoreBytes } from '../support/archives.ts';
import { type ForgedEntry, forge, writeForgery } from '../support/craft.ts';

const forged = (...entries: ForgedEntry[]): Buffer => writeForgery(forge(entries));

/** Restores as one job: the links of each restore are known to the later ones. */
function createJob(workspace: string) {
  const restoredLinks = new RestoredLinks();
  return {
    restoredLinks,
    async restore(object: Buffer, patterns: readonly string[]) {
      await restoreBytes(object, await layoutIn(workspace, patterns), {
        restoredLinks,
        onLinks: found => restoredLinks.add(found),
      });
    },
  };
}

/** An ordinary archive of `names`. */
async function ordinary(names: readonly string[], patterns: readonly string[]): Promise<Buffer> {
  const from = await buildTree(scratch(), Object.fromEntries(names.map(name => [name, 'content'])));
  return (await packTree(await layoutIn(from, patterns))).object;
}

describe('an archive with a link at a literal path of the step', () => {
  test.each<[string, string, readonly string[]]>([
    ['to the parent directory', '../outside', ['tree']],
    ['to a sibling that is not in the paths', 'other', ['tree']],
    ['through a path of the step and out again', 'own/../../outside', ['tree', 'own']],
    ['to an absolute path', '/outside', ['tree']],
  ])('is not restored if the link leads out of the paths (%s)', async (_, target, patterns) => {
    const workspace = await buildTree(scratch(), { 'tree/present': 'p' });
    const before = await describeTree(workspace, { root: true });
    const attempt = createJob(workspace).restore(forged({ name: './tree', target }), patterns);
    await expect(attempt).rejects.toThrow(UnusableArchiveError);
    await expect(attempt).rejects.toThrow(
      `its entry ./tree is a link to ${target}, which is outside the \`path\` of this step on this runner`,
    );
    expect(await describeTree(workspace, { root: true })).toEqual(before);
  });

  test('is not restored if the link leads through another link of the archive', async () => {
    const object = forged(
      { name: './own/', mode: 0o755 },
      { name: 'link', depth: 1, target: '/' },
      { name: './tree', target: 'own/link/tmp' },
    );
    const attempt = createJob(scratch()).restore(object, ['own', 'tree']);
    await expect(attempt).rejects.toThrow(UnusableArchiveError);
  });

  test('is restored where the paths hold the target, and not where another directory is the workspace', async () => {
    const [base, other] = [scratch(), scratch()];
    const workspace = join(base, 'work');
    const patterns = ['link', join(base, 'beside')];
    const object = forged({ name: './link', target: '../beside' });
    mkdirSync(workspace);
    await createJob(workspace).restore(object, patterns);
    expect(readlinkSync(join(workspace, 'link'))).toBe('../beside');
    await expect(createJob(other).restore(object, patterns)).rejects.toThrow(UnusableArchiveError);
    expect(readdirSync(other)).toEqual([]);
  });

  test('is not restored if the literal path is inside another path of the step', async () => {
    const object = forged(
      { name: './tree/', mode: 0o755 },
      { name: 'sub', depth: 1, target: '../../outside' },
    );
    const attempt = createJob(scratch()).restore(object, ['tree', 'tree/sub']);
    await expect(attempt).rejects.toThrow(UnusableArchiveError);
  });

  test('is restored if the link stays in the paths', async () => {
    const workspace = scratch();
    const object = forged({ name: './own/', mode: 0o755 }, { name: './tree', target: 'own/file' });
    await createJob(workspace).restore(object, ['own', 'tree']);
    expect(readlinkSync(join(workspace, 'tree'))).toBe('own/file');
  });

  test('is restored if only a wildcard names the link, which is not followed', async () => {
    const [workspace, outside] = [scratch(), scratch()];
    const job = createJob(workspace);
    await job.restore(forged({ name: './tree', target: outside }), ['tre*']);
    await job.restore(await ordinary(['tree/file'], ['tre*']), ['tre*']);
    expect(readdirSync(outside)).toEqual([]);
    expect(readdirSync(join(workspace, 'tree'))).toEqual(['file']);
  });
});

describe('a later restore of the job', () => {
  /** A workspace where a restore of `a` has made the link `a/b` to a directory outside. */
  async function planted() {
    const [workspace, outside] = [scratch(), scratch()];
    const job = createJob(workspace);
    await job.restore(forged({ name: './a/', mode: 0o755 }, { name: 'b', depth: 1, target: outside }), ['a']);
    return { workspace, outside, job };
  }

  test('replaces a link at its literal path that an earlier restore has made', async () => {
    const { workspace, outside, job } = await planted();
    await job.restore(await ordinary(['a/b/file'], ['a/b']), ['a/b']);
    expect(readdirSync(outside)).toEqual([]);
    expect(readdirSync(join(workspace, 'a/b'))).toEqual(['file']);
  });

  test.each([['a/b/c'], ['a/b/c/d'], ['a/b/*']])(
    'fails if its path %s is below such a link',
    async pattern => {
      const { workspace, outside, job } = await planted();
      const object = await ordinary([`${pattern.replace('*', 'x')}/file`], [pattern]);
      const attempt = job.restore(object, [pattern]);
      await expect(attempt).rejects.toThrow(TargetTreeError);
      await expect(attempt).rejects.toThrow(
        `leads through ${join(workspace, 'a/b')}, a link that an earlier restore of this job has made and that is not followed; remove it or change \`path\``,
      );
      expect(readdirSync(outside)).toEqual([]);
    },
  );

  test('fails if a link of the user leads through such a link', async () => {
    const { workspace, outside, job } = await planted();
    mkdirSync(join(outside, 'sub'));
    symlinkSync('a/b/sub', join(workspace, 'tree'));
    const attempt = job.restore(await ordinary(['tree/file'], ['tree']), ['tree']);
    await expect(attempt).rejects.toThrow(TargetTreeError);
    expect(readdirSync(join(outside, 'sub'))).toEqual([]);
  });

  test('follows a link that the user has made in place of such a link', async () => {
    const { workspace, outside, job } = await planted();
    rmSync(join(workspace, 'a/b'));
    symlinkSync(outside, join(workspace, 'a/b'));
    await job.restore(await ordinary(['a/b/file'], ['a/b']), ['a/b']);
    expect(readdirSync(outside)).toEqual(['file']);
  });
});
