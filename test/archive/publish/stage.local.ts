import { chmodSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { giveAway } from '../../support/drop-privileges.ts';
import { posix, requires } from '../../support/platform-needs.ts';
import { scratch } from '../../support/scratch.ts';
import { buildTree, describeTree, type TreeSpec } from '../../support/tree.ts';
import { layoutIn, packTree } from '../support/archives.ts';
import { runRestoreProcess, saveTo } from '../support/restore-process.ts';

const patterns = ['tree'];

/** 1,400 directories, three levels deep, so that jobs begin inside of directories of earlier ones. */
function directories(): TreeSpec {
  const spec: Record<string, TreeSpec[string]> = {};
  for (let outer = 0; outer < 2; outer++) {
    for (let inner = 0; inner < 700; inner++) {
      const name = `tree/${outer}/deep/${inner}`;
      spec[name] = {
        directory: true,
        mode: [0o755, 0o700, 0o1777, 0o555][inner % 4]!,
        mtime: 1.5e15 + inner,
      };
    }
    spec[`tree/${outer}/deep`] = { directory: true, mode: 0o755, mtime: 1.4e15 + outer };
  }
  spec['tree/1/deep/500/file'] = { content: 'x', mode: 0o600 };
  return spec;
}

test.each([0, 2])(
  'an ordinary user with %i workers restores the modes and times of more directories than one job has',
  requires(posix),
  async workers => {
    const directory = scratch();
    chmodSync(directory, 0o755);
    const source = await buildTree(join(directory, 'source'), directories());
    const object = await saveTo(directory, directories());
    const workspace = join(directory, 'work');
    await mkdir(workspace);
    await giveAway(workspace);
    const result = await runRestoreProcess({ object, workspace, patterns, workers });
    expect(result).toMatchObject({ exitCode: 0, stderr: '' });
    expect(await describeTree(workspace)).toEqual(await describeTree(source));
  },
);

test(
  'a directory whose mode forbids its search is finished after those inside of it',
  requires(posix),
  async () => {
    const directory = scratch();
    chmodSync(directory, 0o755);
    const spec = directories();
    const source = await buildTree(join(directory, 'source'), spec);
    const closed = join(source, 'tree/0/deep');
    chmodSync(closed, 0o600);
    const object = join(directory, 'object');
    writeFileSync(object, (await packTree(layoutIn(source))).object, { mode: 0o644 });
    const workspace = join(directory, 'work');
    await mkdir(workspace);
    await giveAway(workspace);
    const result = await runRestoreProcess({ object, workspace, patterns, workers: 2 });
    expect(result).toMatchObject({ exitCode: 0, stderr: '' });
    for (const root of [source, workspace]) chmodSync(join(root, 'tree/0/deep'), 0o755);
    expect(await describeTree(workspace)).toEqual(await describeTree(source));
  },
);
