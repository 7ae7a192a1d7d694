import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { repositoryFile } from '../../support/checkout.ts';
import { readClosingLine } from '../../support/closing-line.ts';
import { giveAway, unprivileged } from '../../support/drop-privileges.ts';
import { linux, requires, root } from '../../support/platform-needs.ts';
import { incompressible } from '../../support/random.ts';
import { runAction } from '../../support/runner/run-action.ts';
import { scratch } from '../../support/scratch.ts';
import { type MemoryServer, startMemoryServer } from '../../support/servers/memory-server.ts';
import { buildTree, deleteTree, describeTree } from '../../support/tree.ts';

const MB = 1e6;
const FRAME = /^[0-9a-f]{64}$/;
/** A user whose jobs have ended. */
const GONE = 65_533;
const { uid: USER = 0 } = unprivileged();

let server: MemoryServer;
let directory: string;
let saved: string;
let frameNames: string[];
/** The files of the frames in the directory, which is empty at first. */
let frames: string[];

/** Runs an action as a user in a new workspace, with the disk cache. */
async function run(action: 'save' | 'restore', uid: number, workspace: string, size = '1GB') {
  for (const made of [workspace, path.dirname(workspace)]) fs.chownSync(made, uid, uid);
  const { exitCode, stdout } = await runAction({
    actionDir: repositoryFile('.'),
    fromSources: true,
    action: `${action}/action.yml`,
    entry: 'main',
    workspace,
    uid,
    gid: uid,
    inputs: {
      path: 'tree',
      key: 'k',
      endpoint: server.endpoint,
      bucket: 'bucket',
      accessKey: 'access',
      secretKey: 'secret',
      'use-fallback': 'false',
      'disk-cache': directory,
      'disk-cache-size': size,
    },
  });
  expect(exitCode, stdout).toBe(0);
  return stdout;
}

function newWorkspace(above = scratch()): string {
  const workspace = path.join(above, 'workspace');
  fs.mkdirSync(workspace);
  return workspace;
}

/** Restores the right tree as a user. Returns where its bytes came from, and the lines about the disk cache. */
async function restoreAs(uid: number, size?: string, workspace = newWorkspace()) {
  const stdout = await run('restore', uid, workspace, size);
  expect(await describeTree(workspace)).toEqual(await describeTree(saved));
  const { bucket, disk } = readClosingLine(stdout)!;
  const lines = stdout.split('\n').filter(line => line.includes('disk cache /'));
  return { bucket: Number(bucket), disk: Number(disk), lines };
}

/** Makes a file of another user on each claim. */
function claimAll(make: (file: string) => void): void {
  for (const file of frames) {
    make(`${file}.part`);
    fs.lchownSync(`${file}.part`, GONE, GONE);
  }
}

const stored = () => frames.filter(file => fs.existsSync(file)).length;

function newDirectory(host = scratch()): string {
  fs.chmodSync(host, 0o755);
  const made = path.join(host, 'frames');
  fs.mkdirSync(made);
  fs.chmodSync(made, 0o1777);
  return made;
}

const forAll: string[] = [];

function madeForAll(): string {
  const made = fs.mkdtempSync(path.join(tmpdir(), 'cache-s3-test-'));
  forAll.push(made);
  return made;
}

beforeAll(async () => {
  server = await startMemoryServer();
  directory = newDirectory(madeForAll());
  saved = newWorkspace(madeForAll());
  await buildTree(saved, {
    'tree/large': { content: incompressible(9 * MB, 'large') },
    'tree/one': { content: incompressible(3 * MB, 'one') },
  });
  await giveAway(path.dirname(saved));
  await run('save', USER, saved);
  await restoreAs(USER, undefined, newWorkspace(madeForAll()));
  frameNames = fs.readdirSync(directory).filter(name => FRAME.test(name));
  expect(frameNames.length).toBeGreaterThan(2);
});
afterAll(async () => {
  await server.close();
  for (const made of forAll) await deleteTree(made);
});

beforeEach(() => {
  directory = newDirectory();
  frames = frameNames.map(name => path.join(directory, name));
});

describe('in a sticky directory, where a user removes only files of its own', requires(root, linux), () => {
  test.each<[string, (file: string) => void]>([
    ['a dead job', file => fs.writeFileSync(file, '')],
    ['a directory', file => fs.mkdirSync(file)],
    ['a link', file => fs.symlinkSync(file.replace('.part', ''), file)],
  ])('a user keeps frames on which another user has left a claim: %s', async (_, make) => {
    claimAll(make);
    await restoreAs(USER);
    expect(stored()).toBe(frames.length);
    expect((await restoreAs(USER)).bucket).toBeLessThan(0.3 * MB);
  });

  test('jobs of several users fetch once the frames on which a dead job has claims', async () => {
    claimAll(file => fs.writeFileSync(file, ''));
    const jobs = await Promise.all([1, 2, 3, 4].map(number => restoreAs(USER - number - 1)));
    const bucket = jobs.reduce((sum, job) => sum + job.bucket, 0);
    // The object is sent once, maybe a range twice, and its end to each
    expect(bucket).toBeLessThan(2 * 12 * MB);
    expect(stored()).toBe(frames.length);
    expect(fs.readdirSync(directory)).toHaveLength(2 * frames.length);
  });

  test('a user keeps frames on which another user holds claims for ever', async () => {
    claimAll(file => fs.writeFileSync(file, ''));
    const beats = setInterval(() => {
      const now = Date.now() / 1000;
      for (const file of frames) fs.lutimesSync(`${file}.part`, now, now);
    }, 250);
    try {
      await restoreAs(USER);
    } finally {
      clearInterval(beats);
    }
    expect(stored()).toBe(frames.length);
  });
});

describe('a limit that the frames of other users take up', requires(root, linux), () => {
  /** Puts files of another user into the directory, as large as frames, and older than all. */
  function fill(megabytes: number): void {
    for (let count = 0; count < megabytes / 4; count++) {
      const file = path.join(directory, count.toString(16).padStart(64, '0'));
      fs.writeFileSync(file, '');
      fs.truncateSync(file, 4 * MB);
      fs.utimesSync(file, 1000 + count, 1000 + count);
      fs.chownSync(file, GONE, GONE);
    }
  }

  const bytes = () =>
    fs.readdirSync(directory).reduce((sum, name) => sum + fs.statSync(path.join(directory, name)).size, 0);

  test('is kept: a user that may not remove them removes its own', async () => {
    fill(92);
    const { lines } = await restoreAs(USER, '100MB');
    expect(bytes()).toBeLessThanOrEqual(100 * MB);
    expect(bytes()).toBeGreaterThan(92 * MB);
    expect(lines).toEqual([]);
  });

  test('is not exceeded any further if they exceed it, and the log shows why', async () => {
    fill(120);
    const { lines } = await restoreAs(USER, '100MB');
    expect(bytes()).toBe(120 * MB);
    expect(lines).toEqual([expect.stringContaining('its frames belong to other users and exceed its size')]);
  });
});
