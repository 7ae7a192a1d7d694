import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { repositoryFile } from '../support/checkout.ts';
import { gateway, startGatewayProxy } from '../support/gateway/shared-gateway.ts';
import { useGitHubCache } from '../support/github/use-github-cache.ts';
import { closingFields, mainOf, postOf, warningsOf } from '../support/runner/results.ts';
import { firstTimes } from '../support/servers/fault-proxy.ts';
import { buildTree, describeTree } from '../support/tree.ts';
import { describeWithGateway, type LabOptions, useLab } from './support/lab.ts';

/** The contract of tespkg/actions-cache 1, by the built action, on runners without variables of a fleet. */

const lab = useLab();

/** Returns a step with these inputs (YAML), without undefined ones. */
function step(inputs: Record<string, string | undefined>): string {
  const given = Object.entries(inputs).filter(([, value]) => value !== undefined);
  const lines = given.map(([name, value]) => `    ${name}: ${JSON.stringify(value)}`);
  return `- id: cache\n  uses: tespkg/actions-cache@v1\n  with:\n${lines.join('\n')}`;
}

/** Returns the required inputs, with this file's bucket. */
function bucketInputs(): Record<string, string | undefined> {
  return { ...lab.bucket.inputs, path: 'deps', key: 'k' };
}

/** Runs the step on a machine with `deps/a`. The only CACHE_S3_* variable is the test's prefix. */
async function cache(inputs: Record<string, string | undefined>, options: LabOptions = {}) {
  const machine = options.machine ?? (await lab.newMachine());
  await buildTree(machine.workspace, { 'deps/a': 'content of a' });
  const text = `on: push\njobs:\n  job:\n    runs-on: x\n    steps:\n${step(inputs).replace(/^/gm, '      ')}`;
  const { env, ...rest } = options;
  return lab.run({ text, machine, ...rest, env: { CACHE_S3_PREFIX: lab.prefix, ...env } });
}

describeWithGateway('tespkg/actions-cache: inputs', () => {
  it('action.yml declares every input of tespkg/actions-cache', async () => {
    const manifest = await readFile(repositoryFile('action.yml'), 'utf8');
    const names = [
      ...['endpoint', 'port', 'insecure', 'accessKey', 'secretKey', 'sessionToken', 'region', 'bucket'],
      ...['path', 'key', 'restore-keys', 'use-fallback', 'lookup-only', 'retry', 'retry-count'],
    ];
    for (const name of names) expect(manifest).toContain(`\n  ${name}:\n`);
  });

  it('a step of a fleet works without a warning when only `uses` is changed', async () => {
    const inputs = {
      ...bucketInputs(),
      endpoint: new URL(gateway().endpoint).host,
      insecure: 'true',
      'use-fallback': 'true',
      retry: 'true',
      'retry-count': '3',
      path: '~/.cache/go-build\n~/go/pkg/mod\n',
      key: 'Linux-X64-cache-go-v1-abc',
      'restore-keys': 'Linux-X64-cache-go-v1-\n',
    };
    await buildTree(lab.machine.home, { '.cache/go-build/00/a': 'a', 'go/pkg/mod/cache/b': 'b' });
    const first = await cache(inputs, { machine: lab.machine });
    expect(postOf(first, 'cache').log).toContain('Cache saved with key: Linux-X64-cache-go-v1-abc');
    const other = await lab.newMachine();
    const second = await cache(inputs, { machine: other });
    expect(mainOf(second, 'cache').outputs['cache-hit']).toBe('true');
    expect(await describeTree(other.home)).toMatchObject({
      '.cache/go-build/00/a': { type: 'file' },
      'go/pkg/mod/cache/b': { type: 'file' },
    });
    expect([...warningsOf(first), ...warningsOf(second)]).toEqual([]);
  });

  it.each([
    ['host and port', ({ hostname, port }: URL) => ({ endpoint: hostname, port, insecure: 'true' })],
    ['host:port', ({ host }: URL) => ({ endpoint: host, insecure: 'true' })],
    ['a URL', ({ origin }: URL) => ({ endpoint: origin })],
    ['a URL and insecure', ({ origin }: URL) => ({ endpoint: origin, insecure: 'true' })],
    [
      'a URL and port',
      ({ protocol, hostname, port }: URL) => ({ endpoint: `${protocol}//${hostname}`, port }),
    ],
  ])('the server can be given as %s', async (_, form) => {
    const result = await cache({ ...bucketInputs(), ...form(new URL(gateway().endpoint)) });
    expect(postOf(result, 'cache').log).toContain('Cache saved with key: k');
    expect(warningsOf(result)).toEqual([]);
  });

  it('an endpoint without a scheme is https, and ca-file gives the authority', async () => {
    const { tlsEndpoint, caFile } = gateway();
    const inputs = { ...bucketInputs(), endpoint: new URL(tlsEndpoint).host, insecure: 'false' };
    const result = await cache({ ...inputs, 'ca-file': caFile });
    expect(closingFields(postOf(result, 'cache'))).toMatchObject({ source: 's3', result: 'saved' });
    const untrusted = await cache({ ...inputs, retry: 'false' });
    expect(untrusted.conclusion).toBe('success');
    expect(mainOf(untrusted, 'cache').warnings.join()).toMatch(/certificate/);
  });

  it('the credentials can come from the environment', async () => {
    const { accessKey, secretKey, ...inputs } = bucketInputs();
    const result = await cache(inputs, {
      env: { AWS_ACCESS_KEY_ID: accessKey!, AWS_SECRET_ACCESS_KEY: secretKey!, AWS_REGION: 'default' },
    });
    expect(postOf(result, 'cache').log).toContain('Cache saved with key: k');
  });

  it.each([
    ['retry: false', { retry: 'false' }, 1],
    ['retry: false before retry-count', { retry: 'false', 'retry-count': '3' }, 1],
    ['retry-count: 2, after the first try', { retry: 'true', 'retry-count': '2' }, 3],
  ])('the number of attempts of a call follows %s', async (_, inputs, attempts) => {
    await using proxy = await startGatewayProxy();
    proxy.rule = firstTimes(100, 'GetObject', { kind: 'answer', status: 503 });
    const result = await cache({ ...bucketInputs(), endpoint: proxy.endpoint, ...inputs });
    expect(proxy.operations.filter(operation => operation === 'GetObject')).toHaveLength(attempts);
    expect(closingFields(mainOf(result, 'cache'))).toMatchObject({ retries: String(attempts - 1) });
    expect(result.conclusion).toBe('success');
  });
});

describeWithGateway('tespkg/actions-cache: outputs', () => {
  it('a partial hit sets cache-hit, cache-size and the whole matched key', async () => {
    const saved = await cache({ ...bucketInputs(), key: 'k-old' });
    const { bytes } = closingFields(postOf(saved, 'cache'))!;
    const { outputs } = mainOf(
      await cache({ ...bucketInputs(), key: 'k-new', 'restore-keys': 'k-' }),
      'cache',
    );
    expect(outputs).toMatchObject({
      'cache-hit': 'false',
      'cache-matched-key': 'k-old',
      'cache-size': bytes,
    });
    const exact = mainOf(await cache({ ...bucketInputs(), key: 'k-old' }), 'cache').outputs;
    expect(exact).toMatchObject({ 'cache-hit': 'true', 'cache-matched-key': 'k-old', 'cache-size': bytes });
  });

  it('a miss leaves cache-hit unset, as actions/cache does', async () => {
    const { outputs } = mainOf(await cache(bucketInputs()), 'cache');
    expect(outputs['cache-hit']).toBeUndefined();
  });
});

describeWithGateway('tespkg/actions-cache: use-fallback', () => {
  const github = useGitHubCache();

  it("a miss does not use GitHub's cache", async () => {
    await cache({ ...bucketInputs(), 'use-fallback': 'true' }, { env: github.env });
    expect(github.service.calls).toEqual([]);
  });

  it("wrong credentials use GitHub's cache by default, with a warning that names the input", async () => {
    const result = await cache(
      { ...bucketInputs(), secretKey: 'wrong' },
      {
        env: github.env,
        machine: await lab.newMachine('plain'),
      },
    );
    expect(mainOf(result, 'cache').warnings).toEqual([expect.stringMatching(/'secretKey'.*GitHub's cache/)]);
    expect(github.service.calls).toContain('GetCacheEntryDownloadURL');
    expect(closingFields(postOf(result, 'cache'))).toMatchObject({ source: 'github', result: 'saved' });
    expect(result.log).not.toContain('wrong');
  });

  it("a fork's pull request, which has no secrets, uses GitHub's cache", async () => {
    const result = await cache(
      { ...bucketInputs(), accessKey: '', secretKey: '' },
      {
        env: github.env,
        machine: await lab.newMachine('plain'),
        event: {
          name: 'pull_request',
          payload: { pull_request: { base: { ref: 'main' }, head: { repo: { full_name: 'fork/demo' } } } },
        },
        github: { ref: 'refs/pull/7/merge', base_ref: 'main' },
      },
    );
    expect(result.conclusion).toBe('success');
    expect(closingFields(postOf(result, 'cache'))).toMatchObject({ source: 'github', result: 'saved' });
  });

  it("with use-fallback false wrong credentials cause a warning and no request to GitHub's cache", async () => {
    const result = await cache(
      { ...bucketInputs(), secretKey: 'wrong', 'use-fallback': 'false' },
      {
        env: github.env,
      },
    );
    expect(github.service.calls).toEqual([]);
    expect(mainOf(result, 'cache').warnings).toEqual([expect.stringMatching(/'secretKey'/)]);
    expect(result.conclusion).toBe('success');
  });
});
