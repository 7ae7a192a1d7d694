import path from 'node:path';
import { expect, it } from 'vitest';
import { runStep } from '../support/action-step.ts';
import { gateway } from '../support/gateway.ts';
import { buildTree, describeTree } from '../support/tree.ts';
import { describeWithGateway, useLab } from './support/lab.ts';
import { startCountingProxy } from './support/network.ts';

const lab = useLab();

const eleven = Array.from({ length: 10 }, (_, index) => `r${index}`).join('\n');

const table: readonly (readonly [name: string, inputs: Record<string, string>, sentence: RegExp | string])[] =
  [
    [
      'no path',
      { path: ' ' },
      "Input 'path' is missing: name the files and directories to cache, one on each line.",
    ],
    [
      'no key',
      { key: '' },
      "Input 'key' is missing: give the name under which the cache is stored, such as linux-npm-<hash of the lock file>.",
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
      "Inputs 'key' and 'restore-keys' name 11 keys together, but at most 10 are allowed.",
    ],
    [
      'a malformed endpoint',
      { endpoint: 'http://' },
      "Input 'endpoint' is 'http://', but it has to be a host, host:port, http(s)://host[:port] or file:///directory.",
    ],
    [
      'an endpoint against insecure',
      { endpoint: 'https://rgw.example', insecure: 'true' },
      "Input 'endpoint' is 'https://rgw.example', but input 'insecure' is 'true', which means http: give one of them.",
    ],
    [
      'two ports',
      { endpoint: 'rgw.example:80', port: '81' },
      "Input 'port' is '81', but input 'endpoint' ('rgw.example:80') names a port as well: give one of them.",
    ],
    [
      'a retry-count that is no number',
      { 'retry-count': 'three' },
      "Input 'retry-count' is 'three', but it has to be a whole number from 0 to 99.",
    ],
    ['a word for a boolean', { retry: 'yes' }, "Input 'retry' is 'yes', but it has to be true or false."],
    [
      'an unknown scope',
      { scope: 'org' },
      "Input 'scope' is 'org', but it has to be ref, repository or bucket.",
    ],
    [
      'a level out of range',
      { 'compression-level': '20' },
      "Input 'compression-level' is '20', but it has to be a whole number from 1 to 19.",
    ],
    [
      'a bucket that is no name',
      { bucket: 'ci/caches' },
      "Input 'bucket' is 'ci/caches', but it has to be the name of a bucket: letters, digits, '.', '-' and '_'.",
    ],
  ];

describeWithGateway('bad input', () => {
  it.each(table)(
    '(%s) ends main with one sentence, and nothing is written or asked',
    async (_, bad, sentence) => {
      await using proxy = await startCountingProxy();
      const { workspace, home } = lab.machine;
      await buildTree(workspace, { 'deps/a': 'a' });
      const machine = path.dirname(path.dirname(workspace));
      const before = await describeTree(machine);
      const result = await runStep({
        actionDir: lab.checkout,
        entry: 'main',
        workspace,
        env: { HOME: home, RUNNER_TEMP: path.join(lab.root, '_temp') },
        inputs: { ...inputs(proxy.endpoint), ...bad },
      });
      expect(result.exitCode).toBe(1);
      const line = /^::error::(.*)\n$/.exec(result.stdout)?.[1];
      if (typeof sentence === 'string') expect(line).toBe(sentence);
      else expect(line).toMatch(sentence);
      expect([result.outputs, result.state, result.summary]).toEqual([{}, {}, '']);
      expect(await describeTree(machine)).toEqual(before);
      expect(proxy.operations).toEqual([]);
    },
  );

  it.each(table)('(%s) is the same sentence as a warning for save/', async (_, bad, sentence) => {
    // save/ has no restore-keys.
    if ('restore-keys' in bad) return;
    await buildTree(lab.machine.workspace, { 'deps/a': 'a' });
    const result = await runStep({
      actionDir: lab.checkout,
      action: 'save/action.yml',
      entry: 'main',
      workspace: lab.machine.workspace,
      env: { HOME: lab.machine.home, RUNNER_TEMP: path.join(lab.root, '_temp') },
      inputs: { ...inputs(gateway().endpoint), ...bad },
    });
    expect(result.exitCode).toBe(0);
    const line = /^::warning::(.*)\n$/.exec(result.stdout)?.[1];
    if (typeof sentence === 'string') expect(line).toBe(sentence);
    else expect(line).toMatch(sentence);
    expect(await lab.objects()).toEqual([]);
  });

  it('fails save/ where fail-on-save-error asks for it', async () => {
    const result = await runStep({
      actionDir: lab.checkout,
      action: 'save/action.yml',
      entry: 'main',
      workspace: lab.machine.workspace,
      env: { RUNNER_TEMP: path.join(lab.root, '_temp') },
      inputs: { ...inputs(gateway().endpoint), key: 'a,b', 'fail-on-save-error': 'true' },
    });
    expect(result.exitCode).toBe(1);
    expect(result.stdout).toBe("::error::Input 'key' has the key 'a,b', but a key cannot contain a comma.\n");
  });
});

function inputs(endpoint: string): Record<string, string> {
  const { bucket, accessKey, secretKey } = lab.access;
  return { path: 'deps', key: 'k', endpoint, bucket, accessKey, secretKey, prefix: lab.prefix };
}
