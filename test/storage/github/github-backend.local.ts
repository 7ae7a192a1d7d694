import { spawn } from 'node:child_process';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it, vi } from 'vitest';
import { JobRecords } from '../../../src/records/job-records.ts';
import { WaitedTime } from '../../../src/retry/stall-limit.ts';
import { createGitHubBackend } from '../../../src/storage/github/github-backend.ts';
import { collectOutput } from '../../support/collect-output.ts';
import { createLookupRequest, recordingLog } from '../../support/requests.ts';
import { silentLog } from '../../support/silent-log.ts';
import { describeTree } from '../../support/tree.ts';
import { saveTwoFiles, useGitHub } from './fixture.ts';
import { SHORT_LIMITS } from './short-limits.ts';

const github = useGitHub();
const miss = { kind: 'miss', diagnosis: undefined };

describe('a service that responds', () => {
  it('saves a tree and restores it by its exact key', async () => {
    expect(await saveTwoFiles(github, 'deps-1')).toEqual({
      kind: 'saved',
      source: 'github',
      sizeBytes: github.service.entries[0]?.sizeBytes,
      entries: undefined,
      rawBytes: undefined,
      reusedBytes: 0,
    });
    const before = await describeTree(github.tree);
    await rm(github.tree, { recursive: true });
    const { backend, log, restore } = github.open();
    const outcome = await restore({ primaryKey: 'deps-1' });
    expect(outcome).toMatchObject({
      source: 'github',
      key: 'deps-1',
      exact: true,
      sizeBytes: github.service.entries[0]?.sizeBytes,
    });
    const ignoreMtime = () => true;
    expect(await describeTree(github.tree, { ignoreMtime })).toEqual(
      Object.fromEntries(Object.entries(before).map(([name, entry]) => [name, { ...entry, mtime: 0 }])),
    );
    expect(log.shown).toEqual([]);
    expect(backend.counters).toEqual({ requests: 2, retries: 0 });
  });

  it('restores the newest entry of a restore key, which is not an exact hit', async () => {
    await saveTwoFiles(github, 'deps-1');
    await saveTwoFiles(github, 'deps-2', 'newer');
    const { restore } = github.open();
    const request = { primaryKey: 'deps-3', restoreKeys: ['other-', 'deps-'] };
    expect(await restore(request)).toMatchObject({
      key: 'deps-2',
      exact: false,
    });
  });

  it('matches the primary key as a prefix', async () => {
    await saveTwoFiles(github, 'Deps-1-x');
    const { lookup } = github.open();
    const find = (primaryKey: string) => lookup({ primaryKey });
    expect(await find('Deps-1')).toMatchObject({ key: 'Deps-1-x', exact: false });
    expect(await find('deps-1')).toEqual(miss);
  });

  it('finds a key without a download', async () => {
    await saveTwoFiles(github, 'deps-1');
    github.signedUrl = () => 'http://127.0.0.1:9/nothing-listens-here';
    const { lookup } = github.open();
    expect(await lookup({ primaryKey: 'deps-1' })).toEqual({
      kind: 'hit',
      source: 'github',
      key: 'deps-1',
      exact: true,
      sizeBytes: undefined,
    });
  });

  it('has a miss for an unknown key and for other paths', async () => {
    await saveTwoFiles(github, 'deps-1');
    const { log, restore } = github.open();
    expect(await restore({ primaryKey: 'none' })).toEqual(miss);
    expect(await restore({ primaryKey: 'deps-1', paths: ['other'] })).toEqual(miss);
    expect(log.shown).toEqual([]);
  });

  it('does not save a key that another job has reserved', async () => {
    await saveTwoFiles(github, 'deps-1');
    expect(await saveTwoFiles(github, 'deps-1')).toEqual({ kind: 'exists', source: 'github' });
  });

  it('saves nothing when no path matches', async () => {
    const paths = [path.join(github.workspace, 'none')];
    expect(await github.open().save({ key: 'deps-1', paths })).toEqual({ kind: 'empty' });
    expect(github.service.calls).toEqual([]);
  });

  it('refuses a key that the client does not accept', async () => {
    const { restore } = github.open();
    const long = 'k'.repeat(513);
    expect(await restore({ primaryKey: long })).toMatchObject({
      kind: 'refused',
      source: 'github',
      error: { settings: [{ input: 'key' }] },
    });
  });
});

describe('a call that ends early', () => {
  it('is cancelled by an abort', async () => {
    github.service.behave('silent');
    const { lookup } = github.open();
    const controller = new AbortController();
    const found = lookup({ signal: controller.signal });
    await vi.waitFor(() => expect(github.service.calls).toHaveLength(1), 20_000);
    controller.abort();
    expect(await found).toEqual({ kind: 'cancelled' });
  });

  it('does not keep the process alive', async () => {
    github.service.behave('silent');
    const moduleOf = (file: string) =>
      JSON.stringify(pathToFileURL(path.resolve(import.meta.dirname, '../../..', file)).href);
    const script = `
      const { GitHubBackend } = await import(${moduleOf('src/storage/github/github-backend.ts')});
      const { silentLog } = await import(${moduleOf('test/support/silent-log.ts')});
      const { JobRecords } = await import(${moduleOf('src/records/job-records.ts')});
      const { WaitedTime } = await import(${moduleOf('src/retry/stall-limit.ts')});
      const load = () => import('@actions/cache');
      const records = new JobRecords(undefined, silentLog);
      const limits = ${JSON.stringify(SHORT_LIMITS)};
      const backend = new GitHubBackend({ load, log: silentLog, records, limits, waited: new WaitedTime() });
      const { error } = await backend.lookup(${JSON.stringify(createLookupRequest())});
      console.log(error.message);
    `;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      env: { ...process.env, ...github.environment },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    expect(await collectOutput(child)).toMatchObject({
      stdout: "GitHub's cache did not respond within 1 s\n",
      exitCode: 0,
    });
    expect(github.service.calls).toHaveLength(1);
  });
});

it("GitHub's cache is not used on a runner without a cache service", async () => {
  vi.stubEnv('ACTIONS_RUNTIME_TOKEN', '');
  expect(
    await createGitHubBackend(
      recordingLog(),
      new JobRecords(undefined, silentLog),
      process.env,
      new WaitedTime(),
    ).lookup(createLookupRequest()),
  ).toMatchObject({
    kind: 'unavailable',
    error: { message: "GitHub's cache is not available on this runner: it sets no ACTIONS_RUNTIME_TOKEN" },
  });
});
