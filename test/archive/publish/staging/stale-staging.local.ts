import { spawnSync } from 'node:child_process';
import { lchownSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { isStagingName } from '../../../../src/archive/fs/paths/staging-name.ts';
import { isRoot } from '../../../support/drop-privileges.ts';
import { linux, need, requires, root } from '../../../support/platform-needs.ts';
import { buildTree } from '../../../support/tree.ts';
import { prepareRestore, runRestoreProcess, startRestoreProcess } from '../../support/restore-process.ts';

const isLinux = process.platform === 'linux';
const name = '.cache-s3-7-00000000-00000000';

async function prepare() {
  const { workspace, job } = await prepareRestore({ 'tree/a': 'new', 'tree/b': 'new' }, { 'tree/a': 'old' });
  return { tree: join(workspace, 'tree'), job };
}

const stagingIn = (directory: string) => readdirSync(directory).filter(isStagingName);

describe('a restore', requires(linux), () => {
  test('removes the staging of a killed restore at once', async () => {
    const { tree, job } = await prepare();
    expect(await runRestoreProcess({ ...job, killAtRename: 1 })).toMatchObject({ signal: 'SIGKILL' });
    expect(stagingIn(tree)).toHaveLength(1);
    expect(await runRestoreProcess(job)).toMatchObject({
      exitCode: 0,
      stderr: '',
      output: { remaining: [] },
    });
    expect(stagingIn(tree)).toEqual([]);
  });

  test('leaves the staging of a running restore, which then succeeds', async () => {
    const { tree, job } = await prepare();
    const stopped = startRestoreProcess({ ...job, stopAtRename: 1 });
    const state = () => readFileSync(`/proc/${stopped.child.pid}/stat`, 'utf8').split(') ')[1]?.[0];
    await expect.poll(state, { timeout: 60_000 }).toBe('T');
    try {
      expect(await runRestoreProcess(job)).toMatchObject({
        exitCode: 0,
        stderr: '',
        output: { remaining: [] },
      });
      expect(stagingIn(tree)).toHaveLength(1);
    } finally {
      stopped.child.kill('SIGCONT');
    }
    expect(await stopped.ended).toMatchObject({ exitCode: 0, stderr: '' });
    expect(stagingIn(tree)).toEqual([]);
  });
});

test('a restore reports old staging of another user', requires(root, linux), async () => {
  const { tree, job } = await prepare();
  await buildTree(tree, { [`${name}/x`]: 'left by root', [name]: { directory: true, mtime: 0 } });
  lchownSync(join(tree, name), 0, 0);
  const end = await runRestoreProcess(job);
  expect(end).toMatchObject({ exitCode: 0, stderr: '' });
  expect(end.output?.remaining).toEqual([{ directory: tree, maybeInUse: 0, open: 0, irremovable: 1 }]);
});

// Process 1 of a namespace cannot kill itself
const namespace = ['unshare', '--pid', '--fork', '--mount-proc', 'sh', '-c', '"$@"; exit $?', 'sh'];
const canUnshare =
  isRoot && isLinux && spawnSync(namespace[0]!, [...namespace.slice(1), 'true']).status === 0;

test(
  'a restore leaves and reports the staging of a process in another namespace',
  requires(need(canUnshare, 'no namespace of processes can be made')),
  async () => {
    const { tree, job } = await prepare();
    await runRestoreProcess({ ...job, killAtRename: 1 }, 'self', namespace);
    expect(stagingIn(tree)).toHaveLength(1);
    const end = await runRestoreProcess(job, 'self');
    expect(end.output?.remaining).toEqual([{ directory: tree, maybeInUse: 1, open: 0, irremovable: 0 }]);
    expect(stagingIn(tree)).toHaveLength(1);
  },
);
