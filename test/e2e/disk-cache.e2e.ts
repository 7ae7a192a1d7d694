import { execFileSync } from 'node:child_process';
import { chmodSync, readdirSync, statSync, truncateSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { readClosingLine } from '../support/closing-line.ts';
import { unprivileged } from '../support/drop-privileges.ts';
import { requires, root } from '../support/platform-needs.ts';
import { incompressible } from '../support/random.ts';
import { buildTree, describeTree } from '../support/tree.ts';
import { describeWithGateway, useLab } from './support/lab.ts';

const lab = useLab();
const MB = 1e6;
const ROOT = 0;
const { uid: USER = 0 } = unprivileged();
const OTHER_USER = 65_533;
const TREE = {
  'deps/one': { content: incompressible(3 * MB, 'one') },
  'deps/two': { content: incompressible(3 * MB, 'two') },
};

/** Makes a directory for frames, owned by root. */
async function makeDirectory(mode: number): Promise<string> {
  const directory = path.join(lab.root, `frames-${lab.prefix}`);
  await mkdir(directory);
  chmodSync(directory, mode);
  return directory;
}

async function save(): Promise<void> {
  await buildTree(lab.machine.workspace, TREE);
  expect(await lab.runAction({ action: 'save/action.yml', entry: 'main' })).toMatchObject({ exitCode: 0 });
}

/** Restores as a user into a new workspace. Returns where the bytes came from, and the lines about the disk cache. */
async function restoreAs(uid: number, directory: string) {
  const { workspace, home } = await lab.newMachine();
  execFileSync('chown', ['-R', `${uid}:${uid}`, workspace, home]);
  const { exitCode, stdout, outputs } = await lab.runAction({
    action: 'restore/action.yml',
    entry: 'main',
    workspace,
    uid,
    gid: uid,
    env: { HOME: home, RUNNER_TEMP: path.join(home, 'temp'), CACHE_S3_DISK_CACHE: directory },
  });
  expect({ exitCode, hit: outputs['cache-hit'] }, stdout).toEqual({ exitCode: 0, hit: 'true' });
  expect(Object.keys(await describeTree(workspace))).toEqual(['deps', 'deps/one', 'deps/two']);
  const { bucket, disk } = readClosingLine(stdout)!;
  const notices = stdout.split('\n').filter(line => line.includes('disk cache '));
  return { bucket: Number(bucket), disk: Number(disk), notices };
}

const framesIn = (directory: string) => readdirSync(directory).map(name => path.join(directory, name));

describeWithGateway('the disk cache of a host', () => {
  it.each([
    ['of root', ROOT, USER],
    ['of an ordinary user', USER, ROOT],
  ])('gives the frames of a job %s to jobs of other users', requires(root), async (_, first, second) => {
    const directory = await makeDirectory(0o1777);
    await save();
    expect(await restoreAs(first, directory)).toMatchObject({ disk: 0, notices: [] });
    const frames = framesIn(directory);
    expect(frames.map(file => statSync(file).mode & 0o777)).toEqual(frames.map(() => 0o644));
    for (const user of [second, OTHER_USER]) {
      const { bucket, disk, notices } = await restoreAs(user, directory);
      expect({ fewFromBucket: bucket < MB, notices }).toEqual({ fewFromBucket: true, notices: [] });
      expect(disk).toBeGreaterThan(5 * MB);
    }
  });

  it(
    'keeps a wrong frame of another user, which is not used, until root replaces it, if it is sticky',
    requires(root),
    async () => {
      const directory = await makeDirectory(0o1777);
      await save();
      await restoreAs(USER, directory);
      for (const file of framesIn(directory)) truncateSync(file, 100);
      // Another user neither uses nor replaces them, which costs it a download
      for (let round = 0; round < 2; round++)
        expect(await restoreAs(OTHER_USER, directory)).toMatchObject({ disk: 0 });
      expect(framesIn(directory).filter(file => file.endsWith('.part'))).toEqual([]);
      await restoreAs(ROOT, directory);
      expect((await restoreAs(OTHER_USER, directory)).disk).toBeGreaterThan(5 * MB);
    },
  );

  it(
    'gives nothing to users that its mode keeps out, and takes nothing from those that may not list it',
    requires(root),
    async () => {
      const directory = await makeDirectory(0o700);
      await save();
      await restoreAs(ROOT, directory);
      const frames = framesIn(directory);
      expect(frames.map(file => statSync(file).mode & 0o777)).toEqual(frames.map(() => 0o600));
      expect(await restoreAs(USER, directory)).toMatchObject({
        disk: 0,
        notices: [expect.stringContaining('this user may not enter it: change its mode or owner')],
      });
      chmodSync(directory, 0o733);
      expect(await restoreAs(OTHER_USER, directory)).toMatchObject({
        disk: 0,
        notices: [expect.stringContaining('this user may not list it, and so cannot limit its size')],
      });
      expect(framesIn(directory)).toEqual(frames);
    },
  );
});
