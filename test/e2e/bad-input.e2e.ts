import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { sharedGatewayNeed, startGatewayProxy } from '../support/gateway/shared-gateway.ts';
import { requires } from '../support/platform-needs.ts';
import type { ActionRunResult } from '../support/runner/run-action.ts';
import type { FaultProxy } from '../support/servers/fault-proxy.ts';
import { buildTree, describeTree } from '../support/tree.ts';
import { describeWithGateway, useLab } from './support/lab.ts';

const lab = useLab();

const eleven = Array.from({ length: 10 }, (_, index) => `r${index}`).join('\n');

const table: readonly (readonly [name: string, inputs: Record<string, string>, sentence: RegExp | string])[] =
  [
    [
      'no path',
      { path: ' ' },
      "Input 'path' is missing: list the files and directories to cache, one on each line.",
    ],
    [
      'no key',
      { key: '' },
      "Input 'key' is missing: set the name of the cache, such as linux-npm-<hash of the lock file>.",
    ],
    ['a comma', { key: 'a,b' }, "Input 'key' has the key 'a,b', but a key cannot contain a comma."],
    [
      'a long key',
      { key: 'k'.repeat(513) },
      /^Input 'key' has a key of 513 characters .* at most 512 are allowed\.$/,
    ],
    [
      'a long restore-key',
      { 'restore-keys': 'k'.repeat(513) },
      /^Input 'restore-keys' has a key of 513 characters .* at most 512 are allowed\.$/,
    ],
    [
      'too many keys',
      { 'restore-keys': eleven },
      "Input 'restore-keys' has 10 lines, but at most 9 are allowed.",
    ],
    [
      'a malformed endpoint',
      { endpoint: 'http://' },
      "Input 'endpoint' is 'http://', but it must be a host, host:port, http(s)://host[:port] or file:///directory.",
    ],
    [
      'an endpoint against insecure',
      { endpoint: 'https://rgw.example', insecure: 'true' },
      "Input 'insecure' is 'true', which means http, but the input 'endpoint' is 'https://rgw.example': remove this input, or change the scheme.",
    ],
    [
      'two ports',
      { endpoint: 'rgw.example:80', port: '81' },
      "Input 'port' is '81', but the input 'endpoint' is 'rgw.example:80': set the port in one of them.",
    ],
    [
      'a retry-count that is no number',
      { 'retry-count': 'three' },
      "Input 'retry-count' is 'three', but it must be a whole number from 0 to 99.",
    ],
    ['a word for a boolean', { retry: 'yes' }, "Input 'retry' is 'yes', but it must be true or false."],
    [
      'an unknown scope',
      { scope: 'org' },
      "Input 'scope' is 'org', but it must be ref, repository or bucket.",
    ],
    [
      'a level out of range',
      { 'compression-level': '20' },
      "Input 'compression-level' is '20', but it must be 'auto' or a whole number from 1 to 19.",
    ],
    [
      'a bucket that is no name',
      { bucket: 'ci/caches' },
      "Input 'bucket' is 'ci/caches', but it must be the name of a bucket: letters, digits, '.', '-' and '_'.",
    ],
  ];

/** The end of each action, and its rows. */
const actions = [
  { action: 'action.yml', exitCode: 1, level: 'error', rows: table },
  { action: 'restore/action.yml', exitCode: 1, level: 'error', rows: table },
  // A save does not fail the job, and has no restore-keys
  {
    action: 'save/action.yml',
    exitCode: 0,
    level: 'warning',
    rows: table.filter(([, bad]) => !('restore-keys' in bad)),
  },
] as const;

describe.each(actions)(
  'bad input of $action',
  requires(sharedGatewayNeed),
  ({ action, exitCode, level, rows }) => {
    const lead = action === 'save/action.yml' ? 'Cache not saved: ' : '';
    it.each(rows)(
      '%s ends the step with one sentence, without a file, an output or a request',
      async (_, bad, sentence) => {
        const { result, operations } = await untouched(proxy =>
          lab.runAction({ action, entry: 'main', inputs: { endpoint: proxy.endpoint, ...bad } }),
        );
        expect(result.exitCode).toBe(exitCode);
        const line = new RegExp(`^::${level}::${lead}(.*)\\n$`).exec(result.stdout)?.[1];
        if (typeof sentence === 'string') expect(line).toBe(sentence);
        else expect(line).toMatch(sentence);
        expect(operations).toEqual([]);
      },
    );
  },
);

describeWithGateway('bad input', () => {
  it('post logs that main failed before it read its key, and saves nothing', async () => {
    const { result, operations } = await untouched(async proxy => {
      const inputs = { endpoint: proxy.endpoint, key: 'a,b' };
      const { state } = await lab.runAction({ entry: 'main', inputs });
      return lab.runAction({ entry: 'post', inputs, state });
    });
    expect(result.exitCode).toBe(0);
    expect(result.stdout).toBe('Cache not saved: the restore step failed before it read its key.\n');
    expect(operations).toEqual([]);
  });

  it('bad input fails save/ with fail-on-save-error', async () => {
    const { result, operations } = await untouched(proxy =>
      lab.runAction({
        action: 'save/action.yml',
        entry: 'main',
        inputs: { endpoint: proxy.endpoint, key: 'a,b', 'fail-on-save-error': 'true' },
      }),
    );
    expect(result.exitCode).toBe(1);
    expect(result.stdout).toBe(
      "::error::Cache not saved: Input 'key' has the key 'a,b', but a key cannot contain a comma.\n",
    );
    expect(operations).toEqual([]);
  });
});

/**
 * Returns the result of `run` and the operations that it requested. Expects that it writes nothing: no output, state,
 * variable or summary, and no file in the workspace, in the home directory or in RUNNER_TEMP.
 */
async function untouched(run: (proxy: FaultProxy) => Promise<ActionRunResult>) {
  await using proxy = await startGatewayProxy();
  const { workspace } = lab.machine;
  await buildTree(workspace, { 'deps/a': 'a' });
  const machine = path.dirname(path.dirname(workspace));
  const before = await describeTree(machine);
  const result = await run(proxy);
  expect([result.outputs, result.state, result.env, result.summary]).toEqual([{}, {}, {}, '']);
  expect(await describeTree(machine)).toEqual(before);
  // The runner's own files
  expect(await readdir(path.join(lab.root, '_temp'))).toEqual(['_runner_file_commands']);
  return { result, operations: proxy.operations };
}
