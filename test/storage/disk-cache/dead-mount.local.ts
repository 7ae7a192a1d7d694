import { mkdirSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { repositoryFile } from '../../support/checkout.ts';
import { canMount, mountDead } from '../../support/dead-mount.ts';
import { type ActionRunResult, runAction } from '../../support/runner/run-action.ts';
import { scratch } from '../../support/scratch.ts';
import { describeTree } from '../../support/tree.ts';
import { type Host, startHost } from './host.ts';

let host: Host;
beforeEach(async () => {
  host = await startHost();
  await runAsProcess('save', host.saver.workspace);
});
afterEach(() => host.close());

/** Runs a phase as a process: one whose thread hangs cannot end as others do. */
function runAsProcess(phase: 'save' | 'restore', workspace: string): Promise<ActionRunResult> {
  return runAction({
    actionDir: repositoryFile('.'),
    action: `${phase}/action.yml`,
    entry: 'main',
    fromSources: true,
    workspace,
    inputs: {
      path: 'tree',
      key: 'k',
      endpoint: host.server.endpoint,
      bucket: 'bucket',
      accessKey: 'access',
      secretKey: 'secret',
      ...(phase === 'restore' && { 'disk-cache': host.directory }),
    },
  });
}

async function expectRestoredWithOneLine(): Promise<void> {
  const workspace = path.join(scratch(), 'workspace');
  mkdirSync(workspace);
  const { exitCode, stdout, outputs } = await runAsProcess('restore', workspace);
  expect(stdout).toContain('Cache restored from key: k');
  expect({ exitCode, hit: outputs['cache-hit'] }).toEqual({ exitCode: 0, hit: 'true' });
  expect(stdout.match(/The disk cache .* it does not respond: check its mount/g)).toHaveLength(1);
  expect(await describeTree(workspace)).toEqual(host.tree);
}

test.skipIf(!canMount)(
  'a disk cache on a dead mount costs a restore one line, and the process ends',
  async () => {
    const unmount = mountDead(host.directory);
    onTestFinished(unmount);
    await expectRestoredWithOneLine();
  },
);

test.skipIf(!canMount)(
  'a mount that dies during a restore costs it one line, and the process ends',
  async () => {
    let unmount = () => {};
    onTestFinished(() => unmount());
    host.server.takeover = (_, from) => {
      // The second range: some frames are stored, and workers are about to store more
      if (from.headers.range?.startsWith('bytes=-') || readdirSync(host.directory).length === 0)
        return undefined;
      host.server.takeover = () => undefined;
      unmount = mountDead(host.directory);
      return undefined;
    };
    await expectRestoredWithOneLine();
  },
);
