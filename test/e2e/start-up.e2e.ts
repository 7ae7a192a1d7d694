import { expect, it } from 'vitest';
import { closedEndpoint } from '../support/servers/listen.ts';
import { buildTree } from '../support/tree.ts';
import { describeWithGateway, useLab } from './support/lab.ts';

const lab = useLab();

/** Loaded before the step. Prints at its end the files and the modules of Node that were loaded. */
const watch = `
  import { registerHooks } from 'node:module';
  const known = new Set(process.moduleLoadList);
  const files = [];
  registerHooks({
    load(url, context, next) {
      if (url.startsWith('file:')) files.push(url.split('/').at(-1));
      return next(url, context);
    },
  });
  process.on('exit', () => {
    const own = process.moduleLoadList.filter(name => !known.has(name)).map(name => name.split(' ').at(-1));
    console.log('loaded: ' + JSON.stringify({ files, own }));
  });`;

interface Loaded {
  /** Files of dist/, in the order in which they were loaded. */
  readonly files: readonly string[];
  /** Modules of Node. */
  readonly own: readonly string[];
}

async function loadedBy(
  action: 'restore' | 'save',
  inputs: Readonly<Record<string, string>> = {},
  env: Readonly<Record<string, string>> = {},
): Promise<Loaded> {
  const { exitCode, stdout } = await lab.runAction({
    action: `${action}/action.yml`,
    entry: 'main',
    inputs,
    env,
    preload: watch,
  });
  expect(exitCode).toBe(0);
  return JSON.parse(/^loaded: (.*)$/m.exec(stdout)?.[1] ?? '') as Loaded;
}

/** The files that every run loads: the entry in action.yml and the files that all others need. */
const always = ['restore-only.js', 'index.js', 'common.js'];

describeWithGateway('modules that a step loads', () => {
  it('a miss loads no module that unpacks, packs or starts threads', async () => {
    const { files, own } = await loadedBy('restore', { 'restore-keys': 'l\nm' });
    expect(files).toEqual([...always, 's3-store.js']);
    // Node's HTTP client (undici), child processes and threads take 1 to 15 ms each to load
    const dear = ['child_process', 'worker_threads', 'assert', 'v8', 'vm', 'internal/deps/undici/undici'];
    expect(own.filter(name => dear.includes(name))).toEqual([]);
    expect(own).toContain('http');
  });

  it('a hit loads the modules that unpack and none that pack', async () => {
    await buildTree(lab.machine.workspace, { 'deps/a': 'a' });
    expect((await loadedBy('save')).files).toContain('archive-save.js');
    const { files } = await loadedBy('restore');
    expect(files.slice(0, always.length + 1)).toEqual([...always, 's3-store.js']);
    expect(files).toContain('archive-restore.js');
    expect(files).not.toContain('archive-save.js');
  });

  it('a role loads the client for tokens, which no other step loads', async () => {
    const { files } = await loadedBy(
      'restore',
      { accessKey: '', secretKey: '', 'role-to-assume': 'arn:aws:iam:::role/ci', 'use-fallback': 'false' },
      {
        ACTIONS_ID_TOKEN_REQUEST_URL: `${await closedEndpoint()}/token?a=b`,
        ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'x',
      },
    );
    expect(files.slice(0, always.length + 1)).toEqual([...always, 's3-store.js']);
    expect(files).toContain('id-token-client.js');
    expect(files).not.toContain('github.js');
  });

  it('a directory as the store loads no module of S3', async () => {
    const { files, own } = await loadedBy('restore', {
      endpoint: `file://${lab.root.replaceAll(' ', '%20')}/store`,
    });
    expect(files).toEqual([...always, 'directory-store.js']);
    expect(own).not.toContain('http');
  });
});
