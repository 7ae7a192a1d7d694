/** Restores over entries that no rename can replace. Only root can create these entries. */

import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, lchownSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { giveAway, isRoot } from '../../../support/drop-privileges.ts';
import { need, requires, root } from '../../../support/platform-needs.ts';
import { scratch } from '../../../support/scratch.ts';
import { buildTree, describeTree, type TreeSpec } from '../../../support/tree.ts';
import { prepareRestore, runRestoreProcess, saveTo, type User } from '../../support/restore-process.ts';

const archived: TreeSpec = { 'tree/a': 'new', 'tree/b': 'new', 'tree/sub/x': 'new', 'tree/z': 'new' };
const present: TreeSpec = { 'tree/a': 'old', 'tree/b': 'old', 'tree/sub/x': 'old', 'tree/z': 'old' };

/** Expects a restore to fail with `message`, which has no path in staging, and to change nothing. */
async function failsUnchanged(
  { job, workspace }: Awaited<ReturnType<typeof prepareRestore>>,
  message: string,
  user: User = 'ordinary',
): Promise<void> {
  const before = await describeTree(workspace, { root: true });
  const end = await runRestoreProcess(job, user);
  expect(end.output).toMatchObject({ error: 'TargetTreeError', message });
  expect(message).not.toContain('.cache-s3-');
  expect(await describeTree(workspace, { root: true })).toEqual(before);
}

describe('in a sticky directory of another user, a restore', requires(root), () => {
  async function sticky(spec: TreeSpec, existing: TreeSpec) {
    const found = await prepareRestore(spec, existing);
    lchownSync(join(found.workspace, 'tree'), 1, 1);
    chmodSync(join(found.workspace, 'tree'), 0o1777);
    return found;
  }

  test.each<[string, TreeSpec, TreeSpec]>([
    ['a file', archived, present],
    ['a link', archived, { ...present, 'tree/b': { symlink: 'a' } }],
    [
      'a directory where a file goes',
      archived,
      { ...present, 'tree/b/inside': 'old', 'tree/b': { directory: true } },
    ],
    ['a file where a directory goes', { ...archived, 'tree/b': { directory: true } }, present],
  ])('fails before it changes anything when %s of a third user is in the way', async (_, spec, existing) => {
    const found = await sticky(spec, existing);
    lchownSync(join(found.workspace, 'tree/b'), 2, 2);
    await failsUnchanged(
      found,
      `${found.workspace}/tree/b belongs to user 2 and cannot be replaced, because its directory has the sticky bit; remove it or set \`sudo: true\``,
    );
  });

  test('replaces files of its own user', async () => {
    const { workspace, source, job } = await sticky(archived, present);
    expect(await runRestoreProcess(job)).toMatchObject({ exitCode: 0, stderr: '' });
    const { tree: _tree, ...found } = await describeTree(workspace);
    expect(found).toEqual((({ tree: _, ...rest }) => rest)(await describeTree(source)));
  });

  test('replaces files of other users as root', async () => {
    const { workspace, job } = await sticky(archived, present);
    lchownSync(join(workspace, 'tree/b'), 2, 2);
    expect(await runRestoreProcess(job, 'self')).toMatchObject({ exitCode: 0, stderr: '' });
  });
});

/** Returns whether the file system of scratch directories has the attributes of chattr. */
function canChattr(): boolean {
  if (!isRoot || process.platform !== 'linux') return false;
  const probe = spawnSync('sh', [
    '-c',
    'f=$(mktemp) && chattr +i "$f"; s=$?; chattr -i "$f"; rm -f "$f"; exit $s',
  ]);
  return probe.status === 0;
}

async function withAttribute(attribute: 'i' | 'a', path: string, work: () => Promise<void>): Promise<void> {
  execFileSync('chattr', [`+${attribute}`, path]);
  try {
    await work();
  } finally {
    execFileSync('chattr', [`-${attribute}`, path]);
  }
}

describe(
  'a restore fails before it changes anything when',
  requires(need(canChattr(), 'no file can be made immutable')),
  () => {
    const users: User[] = ['ordinary', 'self'];
    const items = ['tree/b', 'tree/sub', 'tree/sub/x'];
    const cases = users.flatMap(user =>
      items.flatMap(item => (['i', 'a'] as const).map(attribute => [item, attribute, user] as const)),
    );

    test.each(cases)('%s has the attribute %s (user: %s)', async (item, attribute, user) => {
      const found = await prepareRestore(archived, present);
      const path = join(found.workspace, item);
      // A restore as root: the entry belongs to root too
      if (user === 'self') lchownSync(path, 0, 0);
      await withAttribute(attribute, path, () =>
        failsUnchanged(
          found,
          `${path} is immutable or append-only and cannot be replaced or written; run \`chattr -ia\` on it or exclude it with a \`!\` line in \`path\``,
          user,
        ),
      );
    });
  },
);

/** Runs a restore in a mount namespace where `lower` is the image's layer below the workspace. */
function overlayWrapper(lower: string, workspace: string, layers: string): string[] {
  const options = `lowerdir=${lower},upperdir=${layers}/upper,workdir=${layers}/work`;
  const script = `mount -t overlay overlay -o ${options} ${workspace} && exec "$@"`;
  return ['unshare', '--mount', 'sh', '-c', script, 'sh'];
}

const canOverlay =
  isRoot &&
  process.platform === 'linux' &&
  spawnSync('unshare', [
    '--mount',
    'sh',
    '-c',
    'mount -t tmpfs none /mnt && mkdir /mnt/l /mnt/u /mnt/w /mnt/m && mount -t overlay overlay -o lowerdir=/mnt/l,upperdir=/mnt/u,workdir=/mnt/w /mnt/m',
  ]).status === 0;

describe(
  'on overlayfs, a restore by an ordinary user',
  requires(need(canOverlay, 'no overlayfs can be mounted')),
  () => {
    test.each<[string, TreeSpec]>([
      ['a file', { 'tree/x': 'new' }],
      ['a link', { 'tree/x': { symlink: 'y' } }],
    ])("replaces an image's read-only directories by %s", async (_, spec) => {
      const directory = scratch();
      chmodSync(directory, 0o755);
      const object = await saveTo(directory, spec);
      const lower = await buildTree(join(directory, 'lower'), {
        'tree/x/ro/deep/g': 'old',
        'tree/x/ro/deep': { directory: true, mode: 0o555 },
        'tree/x/ro/f': { content: 'old', mode: 0o444 },
        'tree/x/ro': { directory: true, mode: 0o555 },
        'tree/x': { directory: true, mode: 0o555 },
      });
      const [workspace, layers] = [join(directory, 'workspace'), join(directory, 'layers')];
      for (const made of [workspace, layers, `${layers}/upper`, `${layers}/work`]) mkdirSync(made);
      for (const given of [lower, `${layers}/upper`]) await giveAway(given);
      // The tree is visible only in the mount namespace, so the script copies it out
      const job = { object, workspace, patterns: ['tree'] };
      const script = join(directory, 'restore.sh');
      writeFileSync(
        script,
        `setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; s=$?; cp -a ${workspace} ${directory}/result; exit $s`,
      );
      const wrapper = [...overlayWrapper(lower, workspace, layers), 'sh', script];
      const end = await runRestoreProcess(job, 'self', wrapper);
      expect(end).toMatchObject({ exitCode: 0, stderr: '' });
      const [found, expected] = [
        await describeTree(join(directory, 'result')),
        await describeTree(join(directory, 'source')),
      ];
      expect(found).toEqual(expected);
    });
  },
);
