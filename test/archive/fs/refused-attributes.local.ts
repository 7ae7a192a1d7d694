import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, lchownSync, lstatSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { giveAway, isRoot } from '../../support/drop-privileges.ts';
import { need, requires, root } from '../../support/platform-needs.ts';
import { incompressible } from '../../support/random.ts';
import { scratch } from '../../support/scratch.ts';
import { buildTree, describeTree, type TreeDescription, type TreeSpec } from '../../support/tree.ts';
import { layoutIn, packTree } from '../support/archives.ts';
import { canRefuse, refusing, type Syscall } from '../support/refuse-syscalls.ts';
import { runRestoreProcess, saveTo } from '../support/restore-process.ts';

const patterns = ['tree'];
const mtime = 1_500_000_000_000_000;

const archived: TreeSpec = {
  'tree/empty': { content: '', mode: 0o640, mtime },
  'tree/large': { content: incompressible(9 * 1024 * 1024), mode: 0o600, mtime },
  'tree/linked': { hardlink: 'tree/read-only' },
  'tree/read-only': { content: 'content', mode: 0o444, mtime },
  'tree/set-id': { content: 'program', mode: 0o6755, mtime },
  'tree/sub/file': { content: 'x', mode: 0o600, mtime },
  'tree/sub': { directory: true, mode: 0o750, mtime },
  'tree/symlink': { symlink: 'empty', mtime },
};

/** Saves `archived`, which belongs to user 5 if the test runs as root, and makes a workspace with an older file. */
async function prepare() {
  const directory = scratch();
  chmodSync(directory, 0o755);
  const source = await buildTree(join(directory, 'source'), archived);
  if (isRoot) {
    for (const name of Object.keys(await describeTree(source))) lchownSync(join(source, name), 5, 6);
    chmodSync(join(source, 'tree/set-id'), 0o6755);
  }
  const object = join(directory, 'object');
  writeFileSync(object, (await packTree(layoutIn(source))).object, { mode: 0o644 });
  const workspace = join(directory, 'work');
  mkdirSync(workspace);
  await buildTree(workspace, { 'tree/read-only': 'older', 'tree/sub': { directory: true } });
  await giveAway(workspace);
  return { source, workspace, job: { object, workspace, patterns, workers: 1 } };
}

/** Returns the type and content of each entry. */
function contentOf(tree: TreeDescription) {
  return Object.fromEntries(
    Object.entries(tree).map(([name, { type, sha256, target }]) => [name, [type, sha256, target]]),
  );
}

const NONE = { owners: 0, modes: 0, times: 0, hardLinks: 0, symlinks: 0 };
/** `tree`, `empty`, `large`, `read-only`, `set-id`, `sub`, `sub/file`, and `symlink`. */
const ENTRIES = 8;

function works(command: string, ...args: string[]): boolean {
  return process.platform === 'linux' && spawnSync(command, [...args, 'true']).status === 0;
}

describe('a restore as root whose owners are refused', requires(root), () => {
  const withoutRight = ['setpriv', '--bounding-set=-chown'];
  const namespace = ['unshare', '--user', '--map-root-user'];
  test.each([
    ['by a missing capability (EPERM)', withoutRight],
    ['by a user namespace (EINVAL)', namespace],
  ])(
    '%s restores the content, modes and times, and counts the entries',
    requires(need(works('setpriv', '--bounding-set=-chown'), 'setpriv cannot drop a capability')),
    async (_, wrapper) => {
      const { source, workspace, job } = await prepare();
      // A user namespace does not map the owner of the workspace either
      for (const name of ['', 'tree', 'tree/sub', 'tree/read-only']) lchownSync(join(workspace, name), 0, 0);
      const end = await runRestoreProcess(job, 'self', wrapper);
      expect(end).toMatchObject({ exitCode: 0, stderr: '' });
      expect(end.output?.refused).toEqual({ ...NONE, owners: ENTRIES });
      const [found, expected] = [await describeTree(workspace), await describeTree(source)];
      // Set-id bits would give the rights of root in place of user 5
      expect(found['tree/set-id']?.mode).toBe(0o755);
      for (const tree of [found, expected]) Object.assign(tree['tree/set-id']!, { mode: undefined });
      expect(found).toEqual(expected);
      expect(lstatSync(join(workspace, 'tree/set-id')).uid).toBe(0);
    },
  );
});

describe(
  'a restore whose file system refuses',
  requires(need(canRefuse, 'system calls cannot be refused: no Python or no seccomp')),
  () => {
    const cases: [string, Syscall, 'EPERM' | 'ENOSYS' | 'EOPNOTSUPP', object][] = [
      ['times', 'utimes', 'EPERM', { times: ENTRIES }],
      ['times without support', 'utimes', 'ENOSYS', { times: ENTRIES }],
      ['hard links', 'link', 'EPERM', { hardLinks: 1 }],
      ['hard links without support', 'link', 'EOPNOTSUPP', { hardLinks: 1 }],
    ];
    test.each(cases)(
      '%s restores the content and counts the entries (%s, %s)',
      async (_, call, code, counts) => {
        const { source, workspace, job } = await prepare();
        const end = await runRestoreProcess(job, 'ordinary', refusing([call], code));
        expect(end).toMatchObject({ exitCode: 0, stderr: '' });
        expect(end.output?.refused).toEqual({ ...NONE, ...counts });
        expect(contentOf(await describeTree(workspace))).toEqual(contentOf(await describeTree(source)));
        expect((await describeTree(workspace))['tree/set-id']?.mode).toBe(0o6755);
      },
    );

    test('modes restores the content and counts the entries whose mode was to be set', async () => {
      const { source, workspace, job } = await prepare();
      const end = await runRestoreProcess(job, 'ordinary', refusing(['chmod'], 'EPERM'));
      expect(end).toMatchObject({ exitCode: 0, stderr: '' });
      // Other files are created with their mode
      expect(end.output?.refused).toEqual({ ...NONE, modes: ['tree', 'tree/sub', 'large', 'set-id'].length });
      expect(contentOf(await describeTree(workspace))).toEqual(contentOf(await describeTree(source)));
    });

    test('owners, modes, times and hard links together restores the content', async () => {
      const { source, workspace, job } = await prepare();
      const wrapper = refusing(['chown', 'chmod', 'utimes', 'link'], 'EPERM');
      expect(await runRestoreProcess(job, 'self', wrapper)).toMatchObject({
        exitCode: 0,
        stderr: '',
        output: { refused: { hardLinks: 1 } },
      });
      expect(contentOf(await describeTree(workspace))).toEqual(contentOf(await describeTree(source)));
    });

    test('symlinks fails with advice before anything is published', async () => {
      const { workspace, job } = await prepare();
      const before = await describeTree(workspace, { root: true });
      const end = await runRestoreProcess(job, 'ordinary', refusing(['symlink'], 'EPERM'));
      expect(end.exitCode).toBe(1);
      expect(end.output).toMatchObject({
        error: 'TargetTreeError',
        message: `${workspace}/tree/symlink is a symlink and cannot be created here (EPERM); restore to a file system with symlinks, or exclude the link with a \`!\` line in \`path\``,
      });
      expect(await describeTree(workspace, { root: true })).toEqual(before);
    });
  },
);

test('a restore that loses nothing reports nothing', async () => {
  const directory = scratch();
  chmodSync(directory, 0o755);
  const object = await saveTo(directory, archived);
  const workspace = join(directory, 'work');
  mkdirSync(workspace);
  await giveAway(workspace);
  const end = await runRestoreProcess({ object, workspace, patterns });
  expect(end.output?.refused).toBeUndefined();
  expect(end.output?.remaining).toEqual([]);
});

const canMountImages =
  isRoot &&
  existsSync('/dev/loop-control') &&
  spawnSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'none', '/mnt']).status === 0 &&
  spawnSync('mkfs.ext4', ['-V']).status === 0;

/** Makes an ext4 file system with small inodes, whose times have 32 bits, and mounts it for the rest of the test. */
function mountSmallInodes(directory: string): string {
  const [image, point] = [join(directory, 'image'), join(directory, 'mounted')];
  mkdirSync(point);
  writeFileSync(image, Buffer.alloc(8 * 1024 * 1024));
  execFileSync('mkfs.ext4', ['-q', '-I', '128', image], { stdio: 'ignore' });
  execFileSync('mount', ['-o', 'loop', image, point]);
  onTestFinished(() => void spawnSync('umount', [point]));
  return point;
}

test(
  'a restore onto a file system with 32-bit times counts the entries whose time is after 2038',
  requires(need(canMountImages, 'no image of a file system can be mounted')),
  async () => {
    const directory = scratch();
    const workspace = mountSmallInodes(directory);
    const late = 2_500_000_000_000_000;
    const object = await saveTo(directory, {
      'tree/late': { content: 'x', mtime: late },
      'tree/late-link': { symlink: 'late', mtime: late },
      'tree/late-sub/now': { content: 'x', mtime },
      'tree/late-sub': { directory: true, mtime: late },
      'tree/now': { content: 'x', mtime },
      tree: { directory: true, mtime },
    });
    const end = await runRestoreProcess({ object, workspace, patterns, workers: 1 }, 'self');
    expect(end).toMatchObject({ exitCode: 0, stderr: '' });
    expect(end.output?.refused).toEqual({ ...NONE, times: 3 });
  },
);
