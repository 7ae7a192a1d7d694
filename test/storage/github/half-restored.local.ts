import { existsSync } from 'node:fs';
import { chmod, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeEach, expect, it, vi } from 'vitest';
import { JobRecords } from '../../../src/records/job-records.ts';
import { GITHUB_LIMITS } from '../../../src/storage/github/watchdog.ts';
import { posix, requires } from '../../support/platform-needs.ts';
import { scratch } from '../../support/scratch.ts';
import { silentLog } from '../../support/silent-log.ts';
import { buildTree } from '../../support/tree.ts';
import { useGitHub } from './fixture.ts';

const github = useGitHub();

let temp: string;
let records: JobRecords;
beforeEach(() => {
  temp = scratch();
  records = new JobRecords(temp, silentLog);
});

const isHalf = () => records.isHalfRestored(() => ['./tree']);
const open = () => github.open(GITHUB_LIMITS, records);
const restore = (signal?: AbortSignal) => open().restore({ primaryKey: 'k', signal });

async function save(): Promise<void> {
  await buildTree(github.tree, { a: 'a', b: 'b' });
  expect(await open().save({ key: 'k' })).toMatchObject({ kind: 'saved' });
}

it('a restore that tar cannot finish marks the paths as half restored, until a full restore', async () => {
  await save();
  await rm(path.join(github.tree, 'b'));
  await buildTree(github.tree, { 'b/in-the-way': 'x' });
  expect(await restore()).toMatchObject({ kind: 'failed', treeChanged: true });
  expect(isHalf()).toBe(true);
  await rm(path.join(github.tree, 'b'), { recursive: true });
  expect(await restore()).toMatchObject({ kind: 'hit' });
  expect(isHalf()).toBe(false);
});

it('a lookup, a save, a miss and a failed download mark nothing as half restored', async () => {
  await save();
  await open().lookup({ primaryKey: 'k' });
  await open().restore({ primaryKey: 'none' });
  github.signedUrl = () => 'http://127.0.0.1:9/nothing-listens-here';
  expect(await restore()).toMatchObject({ kind: 'unavailable' });
  expect(isHalf()).toBe(false);
});

it('a restore that is cancelled while tar runs is reported', requires(posix), async () => {
  await save();
  const started = path.join(temp, 'started');
  const tar = path.join(temp, 'tar');
  await writeFile(tar, `#!/bin/sh\ntouch ${started}\nexec sleep 60\n`);
  await chmod(tar, 0o755);
  vi.stubEnv('PATH', `${temp}:${process.env.PATH}`);
  const stop = new AbortController();
  const outcome = restore(stop.signal);
  await vi.waitFor(() => expect(existsSync(started)).toBe(true), 20_000);
  stop.abort(new Error('the step was cancelled'));
  expect(await outcome).toMatchObject({
    kind: 'failed',
    error: { message: 'the step was cancelled' },
    treeChanged: true,
  });
  expect(isHalf()).toBe(true);
});
