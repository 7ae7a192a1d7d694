/** Trees that change during a save, and trees that cannot be read or written. */

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { giveAway, unprivileged } from '../../support/drop-privileges.ts';
import { incompressible } from '../../support/random.ts';
import { MiB } from '../../support/sizes.ts';
import { deleteTree, type TreeSpec, treeDifferences } from '../../support/tree.ts';
import type { FaultCase } from '../case.ts';
import { restoreElsewhere } from '../checks.ts';
import { restoreCase } from '../restore-case.ts';
import { saveCase } from '../save-case.ts';
import type { Scene } from '../scene.ts';
import { buildTreeIn } from '../trees.ts';

const run = promisify(execFile);

/** Read in many slices, so that a writer runs in between even on one processor. */
const LOG_BYTES = 24 * MiB;
const LOGS = 4;

/** Appends to the logs in turn until the end of the case. */
async function keepAppending(scene: Scene): Promise<void> {
  const script = `
    const { appendFileSync, truncateSync } = require('node:fs');
    const [, directory, count, size] = process.argv;
    console.log('started');
    for (let i = 1; ; i++) {
      const file = directory + '/' + (i % count) + '.log';
      i % 10000 < count ? truncateSync(file, Number(size)) : appendFileSync(file, 'x');
    }`;
  const started = Array.from({ length: 2 }, async () => {
    const child = spawn(process.execPath, ['-e', script, scene.tree, String(LOGS), String(LOG_BYTES)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    scene.onClose(() => child.kill('SIGKILL'));
    await once(child.stdout, 'data');
  });
  await Promise.all(started);
}

const logs: TreeSpec = Object.fromEntries(
  Array.from({ length: LOGS }, (_, index) => [`${index}.log`, incompressible(LOG_BYTES, `log ${index}`)]),
);

/** Changes the tree when the first part is sent. The parts are slow, so that the rest of the tree is read later. */
function changeAtFirstPart(scene: Scene, change: () => Promise<unknown>): void {
  let done = false;
  scene.expectFault(() => done);
  scene.proxy.rule = ({ operation }) => {
    if (operation !== 'UploadPart') return undefined;
    if (!done) void change();
    done = true;
    return { kind: 'delay', ms: 400 };
  };
}

/** Small parts, so that little is read ahead. */
const smallParts = { inputs: { 'upload-chunk-size': String(5 * MiB) } };

function manyFiles(count: number): TreeSpec {
  return Object.fromEntries(
    Array.from({ length: count }, (_, index) => [
      `${String(index).padStart(3, '0')}.bin`,
      incompressible(MiB, `many ${index}`),
    ]),
  );
}

/** Makes the step run as an ordinary user, who owns the workspace. */
async function asOrdinaryUser(scene: Scene) {
  await giveAway(scene.workspace);
  return unprivileged();
}

const saves: FaultCase[] = [
  saveCase('files change all the time during the save', {
    tree: scene => buildTreeIn(scene.workspace, logs),
    async arrange(scene) {
      await keepAppending(scene);
    },
    treeChanges: true,
    allowed: ['not saved'],
    message: /::warning::.*\d+\.log changed while it was read/,
  }),
  saveCase('a large file changes after its first part was sent', {
    short: true,
    tree: scene => buildTreeIn(scene.workspace, { 'large.bin': incompressible(100 * MiB, 'large') }),
    arrange(scene) {
      changeAtFirstPart(scene, () => fs.appendFile(path.join(scene.tree, 'large.bin'), 'more'));
      return smallParts;
    },
    treeChanges: true,
    allowed: ['not saved'],
    message: /::warning::.*large\.bin changed while it was read/,
  }),
  saveCase('files are deleted while the tree is read', {
    short: true,
    tree: scene => buildTreeIn(scene.workspace, manyFiles(100)),
    arrange(scene) {
      changeAtFirstPart(scene, async () => {
        for (let index = 90; index < 100; index++) await fs.rm(path.join(scene.tree, `0${index}.bin`));
      });
      return smallParts;
    },
    treeChanges: true,
    allowed: ['saved'],
    message:
      /::notice::10 paths are not in the cache \(vanished during the save\): .*090\.bin, .*092\.bin and 7 more/,
    async check(scene) {
      const { phase, tree } = await restoreElsewhere(scene);
      const { '.': _root, ...now } = await scene.describe();
      // The archive has the directory's time from before the files were deleted
      const { tree: _was, ...restored } = tree;
      const { tree: _is, ...expected } = now;
      const [difference] = treeDifferences(restored, expected);
      return difference === undefined ? [] : [`the rest was not saved: ${difference}\n${phase.stdout}`];
    },
  }),
  saveCase('a file cannot be read', {
    short: true,
    async arrange(scene) {
      const user = await asOrdinaryUser(scene);
      const file = path.join(scene.tree, 'data/7.bin');
      await fs.chmod(file, 0o000);
      return user;
    },
    treeChanges: true,
    allowed: ['not saved'],
    message: /::warning::.*data\/7\.bin cannot be read \(EACCES\); `sudo: true`/,
  }),
  saveCase('a directory cannot be read', {
    async arrange(scene) {
      const user = await asOrdinaryUser(scene);
      await fs.chmod(path.join(scene.tree, 'data'), 0o000);
      return user;
    },
    treeChanges: true,
    allowed: ['not saved'],
    message: /::warning::.*tree\/data cannot be read \(EACCES\); `sudo: true`/,
  }),
];

const restores: FaultCase[] = [
  restoreCase('the disk is full', {
    short: true,
    async arrange(scene) {
      await moveToSmallDisk(scene);
    },
    allowed: ['unchanged'],
    message: /::warning::.*\(ENOSPC: the disk is full or has no free inode\)/,
  }),
  restoreCase('a directory belongs to another user', {
    short: true,
    async arrange(scene) {
      const user = await asOrdinaryUser(scene);
      if (user.uid !== undefined) await fs.chown(path.join(scene.tree, 'data'), 0, 0);
      else await fs.chmod(scene.workspace, 0o555);
      return user;
    },
    allowed: ['unchanged'],
    message:
      /::warning::.*tree\/data belongs to user 0 and cannot be written; change its owner or set `sudo: true`/,
  }),
  restoreCase('a file has the name of the tree', {
    short: true,
    async arrange(scene) {
      await deleteTree(scene.tree);
      await fs.writeFile(scene.tree, 'not a directory');
      return { inputs: { path: 'tree/' } };
    },
    allowed: ['unchanged', 'the cache'],
  }),
];

/** Moves the workspace to a file system with space for the older tree and half of the archive. Needs root. */
async function moveToSmallDisk(scene: Scene): Promise<void> {
  const disk = path.join(scene.root, 'disk');
  await fs.mkdir(disk);
  await run('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', disk]);
  scene.onClose(() => run('umount', [disk]));
  const workspace = path.join(disk, 'workspace');
  await run('cp', ['-a', scene.workspace, workspace]);
  scene.workspace = workspace;
}

export const treeCases: readonly FaultCase[] = [...saves, ...restores];
