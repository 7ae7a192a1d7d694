import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { mounting, requires } from '../../support/platform-needs.ts';
import { incompressible } from '../../support/random.ts';
import { scratch } from '../../support/scratch.ts';
import { runRestoreProcess, saveTo } from '../support/restore-process.ts';

// The workspace has 2 inodes: itself and `tree`. Staging needs the others one by one
test.each([
  ['nr_inodes=3', 'no room for the staging directory'],
  ['nr_inodes=4', 'no room for the owner file'],
  ['nr_inodes=5', 'no room for the directories in staging'],
  ['nr_inodes=6', 'no room for the probe'],
  ['nr_inodes=8', 'no room for the files'],
  ['size=64k', 'no room for the data'],
])('a restore onto a full disk leaves nothing of its staging (%s: %s)', requires(mounting), async options => {
  const directory = scratch();
  chmodSync(directory, 0o755);
  const object = await saveTo(directory, {
    'tree/a': incompressible(60_000),
    'tree/b': incompressible(60_000),
    'tree/new/c': 'c',
  });
  const workspace = join(directory, 'work');
  mkdirSync(workspace);
  const script = join(directory, 'restore.sh');
  const listing = join(directory, 'listing');
  writeFileSync(
    script,
    `mount -t tmpfs -o ${options} none ${workspace} && mkdir ${workspace}/tree || exit 9
"$@"; status=$?
find ${workspace} -mindepth 1 > ${listing}
exit $status`,
  );
  const wrapper = ['unshare', '--mount', 'sh', script];
  const end = await runRestoreProcess({ object, workspace, patterns: ['tree'] }, 'self', wrapper);
  expect(end).toMatchObject({ exitCode: 1, output: { error: 'TargetTreeError' } });
  expect(end.output?.message).toMatch(
    /^\/.* cannot be written \(ENOSPC: the disk is full or has no free inode\)$/,
  );
  expect(end.output?.message).not.toContain('.cache-s3-');
  expect(readFileSync(listing, 'utf8')).toBe(`${workspace}/tree\n`);
});
