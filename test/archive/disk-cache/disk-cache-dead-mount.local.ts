import { mkdirSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { repositoryFile } from '../../support/checkout.ts';
import { type DeadMount, deadMounts, mountDead } from '../../support/dead-mount.ts';
import { requires } from '../../support/platform-needs.ts';
import { type ActionRun, type ActionRunResult, runAction } from '../../support/runner/run-action.ts';
import { scratch } from '../../support/scratch.ts';
import { describeTree } from '../../support/tree.ts';
import { type Host, startHost } from './host.ts';

/** Runs a phase as a process: one whose thread hangs cannot end as others do. */
function runAsProcess(
  host: Host,
  phase: 'save' | 'restore',
  workspace: string,
  { stop, key = 'k' }: Pick<ActionRun, 'stop'> & { readonly key?: string } = {},
): Promise<ActionRunResult> {
  return runAction({
    ...(stop && { stop }),
    actionDir: repositoryFile('.'),
    action: `${phase}/action.yml`,
    entry: 'main',
    fromSources: true,
    workspace,
    inputs: {
      path: 'tree',
      key,
      endpoint: host.server.endpoint,
      bucket: 'bucket',
      accessKey: 'access',
      secretKey: 'secret',
      ...(phase === 'restore' && { 'restore-keys': 'k', 'disk-cache': host.directory }),
    },
  });
}

/** Starts a host with a saved tree. Returns it with an empty workspace, and a function that makes its directory dead. */
async function startSaved() {
  const host = await startHost();
  let mount: DeadMount | undefined;
  onTestFinished(() => mount?.unmount());
  await runAsProcess(host, 'save', host.saver.workspace);
  const workspace = path.join(scratch(), 'workspace');
  mkdirSync(workspace);
  const die = () => {
    mount = mountDead(host.directory);
    return mount;
  };
  return { host, workspace, die };
}

/** Restores on a host whose directory dies when `dies` calls its argument. Returns the log. */
async function restoreWith(dies: (host: Host, die: () => void) => void): Promise<string> {
  const { host, workspace, die } = await startSaved();
  dies(host, die);
  const { exitCode, stdout, outputs } = await runAsProcess(host, 'restore', workspace);
  expect({ exitCode, hit: outputs['cache-hit'] }, stdout).toEqual({ exitCode: 0, hit: 'true' });
  expect(await describeTree(workspace)).toEqual(host.tree);
  return stdout;
}

/** The mount dies when some claims are made, and before the first frame is stored. */
function atFirstRange({ server, directory }: Host, die: () => void): void {
  server.takeover = (_, from) => {
    if (from.headers.range?.startsWith('bytes=-') || readdirSync(directory).length === 0) return undefined;
    server.takeover = () => undefined;
    die();
    return undefined;
  };
}

// Both at once, since each takes the time in which a directory has to respond
test(
  'a disk cache on a mount that is dead, or dies during a restore, costs one line, and the process ends',
  requires(deadMounts),
  async () => {
    const logs = await Promise.all([restoreWith((_, die) => die()), restoreWith(atFirstRange)]);
    for (const log of logs)
      expect(log.match(/The disk cache .* it does not respond: check its mount/g)).toHaveLength(1);
  },
);

test(
  'a disk cache that has stopped responding is not used for the match after a damaged object',
  requires(deadMounts),
  async () => {
    const { host, workspace, die } = await startSaved();
    const { objects } = host.server.content;
    const sound = new Set(objects.keys());
    for (const key of ['k-1', 'k-2']) await runAsProcess(host, 'save', host.saver.workspace, { key });
    for (const [name, { bytes }] of objects) if (!sound.has(name)) bytes[1000]! ^= 1;
    die();
    const { stdout, outputs } = await runAsProcess(host, 'restore', workspace, { key: 'k-3' });
    expect(outputs['cache-matched-key'], stdout).toBe('k');
    expect(await describeTree(workspace)).toEqual(host.tree);
    expect(stdout.match(/because it is damaged/g)).toHaveLength(2);
    expect(stdout.match(/it does not respond: check its mount/g)).toHaveLength(1);
  },
);

test(
  'a restore that is cancelled while its disk cache hangs ends by itself',
  requires(deadMounts),
  async () => {
    const { host, workspace, die } = await startSaved();
    const mount = die();
    const cancel = new AbortController();
    const restore = runAsProcess(host, 'restore', workspace, { stop: cancel.signal });
    await vi.waitFor(() => expect(mount.isCalled()).toBe(true), { timeout: 30_000, interval: 100 });
    cancel.abort();
    const { exitCode, signal, stdout } = await restore;
    expect({ exitCode, signal }, stdout).toEqual({ exitCode: 130, signal: null });
  },
);
