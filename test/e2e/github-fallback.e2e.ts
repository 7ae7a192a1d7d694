import { existsSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { startGatewayProxy } from '../support/gateway/shared-gateway.ts';
import { useGitHubCache } from '../support/github/use-github-cache.ts';
import { closingFields, mainOf, postOf, warningsOf } from '../support/runner/results.ts';
import { describeTree } from '../support/tree.ts';
import { cacheSteps, outage } from './support/actions-cache.ts';
import { describeWithGateway, useLab } from './support/lab.ts';

/**
 * GitHub's cache, alone and as the fallback, with the client of actions/cache and a real blob store. The paths of these
 * machines have no space, because the tar command of @actions/cache 6.3.0 fails with one.
 */

const lab = useLab();
const github = useGitHubCache();
const { cache } = cacheSteps(lab, 'plain');

const step = '- { id: cache, uses: actions/cache@v5, with: { path: deps, key: k } }';

describeWithGateway('a step without a bucket', () => {
  const noBucket = () => ({
    CACHE_S3_BUCKET: '',
    CACHE_S3_ENDPOINT: '',
    CACHE_S3_ACCESS_KEY: '',
    CACHE_S3_SECRET_KEY: '',
    CACHE_S3_PREFIX: '',
  });

  it("a step without a bucket saves to GitHub's cache and restores from it", async () => {
    const env = { ...noBucket(), ...github.env };
    const miss = await cache('path: deps, key: k-1', { env });
    expect(mainOf(miss, 'cache').log).toContain('Cache not found for input keys: k-1');
    expect(postOf(miss, 'cache').log).toContain('Cache saved with key: k-1');
    const machine = await lab.newMachine('plain');
    const hit = await lab.steps('- { id: cache, uses: actions/cache@v5, with: { path: deps, key: k-1 } }', {
      machine,
      env,
    });
    expect(mainOf(hit, 'cache').outputs).toMatchObject({ 'cache-hit': 'true', 'cache-source': 'github' });
    expect(postOf(hit, 'cache').log).toContain('Cache hit occurred on the primary key k-1');
    expect(Object.keys(await describeTree(machine.workspace))).toEqual(['deps', 'deps/a']);
    expect([...warningsOf(miss), ...warningsOf(hit)]).toEqual([]);
    expect(await lab.objects()).toEqual([]);
  });

  it.each([
    ['upgrade', "GitHub's cache responded with 101 Switching Protocols"],
    ['endless', "GitHub's cache responded with more than 1048576 bytes"],
  ] as const)(
    "a step without a bucket warns and succeeds when GitHub's cache responds by %s",
    async (behaviour, message) => {
      github.service.behave(behaviour);
      const result = await cache('path: deps, key: k-1', { env: { ...noBucket(), ...github.env } });
      expect(warningsOf(result)).toEqual([
        `${message}. The job continues without the cache.`,
        `Failed to save: ${message}`,
      ]);
      expect(mainOf(result, 'cache').outputs['cache-hit']).not.toBe('true');
      expect(result.conclusion).toBe('success');
    },
  );

  it("a key that GitHub's cache returns and the step did not request is a miss, and its commands do not reach the runner", async () => {
    const env = { ...noBucket(), ...github.env };
    await cache('path: deps, key: k-1', { env });
    github.service.behave({ matchedKey: 'k-1\n::notice::injected' });
    const main = mainOf(await cache('path: deps, key: k-1', { env }), 'cache');
    expect(main.log).toContain('Cache not found for input keys: k-1');
    expect(main.log).toMatch(
      /a key that was not requested, which counts as a miss: k-1\\n::notice::injected/,
    );
    expect(main.annotations.filter(({ message }) => message === 'injected')).toEqual([]);
  });
});

describeWithGateway("GitHub's cache as the fallback", () => {
  it("GitHub's cache is used while the bucket is down, and post saves to the bucket when it is back", async () => {
    const down = { ...github.env, ...(await outage()) };
    const first = await cache('path: deps, key: k', { env: down });
    expect(mainOf(first, 'cache').log).toMatch(/is unavailable: .*GitHub's cache is used instead\.$/m);
    expect(closingFields(postOf(first, 'cache'))).toMatchObject({ source: 'github', result: 'saved' });
    expect(warningsOf(first)).toEqual([]);

    const machine = await lab.newMachine('plain');
    const stillDown = await lab.steps(step, { machine, env: down });
    expect(mainOf(stillDown, 'cache').outputs).toMatchObject({
      'cache-hit': 'true',
      'cache-source': 'github',
    });
    expect(postOf(stillDown, 'cache').log).toContain("GitHub's cache already has the key");
    expect(stillDown.conclusion).toBe('success');

    const last = await lab.newMachine('plain');
    await using proxy = await startGatewayProxy();
    const isBack = path.join(last.workspace, 'back');
    proxy.rule = () => (existsSync(isBack) ? undefined : { kind: 'reset', served: false });
    const back = await lab.steps(`${step}\n- run: touch back`, {
      machine: last,
      env: { ...down, CACHE_S3_ENDPOINT: proxy.endpoint },
    });
    expect(mainOf(back, 'cache').outputs['cache-source']).toBe('github');
    expect(closingFields(postOf(back, 'cache'))).toMatchObject({ source: 's3', result: 'saved' });
    expect(await lab.objects()).toHaveLength(1);
  });

  it("GitHub's cache is not used after a miss of the bucket", async () => {
    const result = await cache('path: deps, key: k', { env: github.env });
    expect(mainOf(result, 'cache').outputs['cache-hit']).toBeUndefined();
    expect(github.service.calls).toEqual([]);
  });

  it("GitHub's cache is not used when use-fallback is false", async () => {
    const env = { ...github.env, ...(await outage()) };
    const result = await cache('path: deps, key: k, use-fallback: false', { env });
    expect(github.service.calls).toEqual([]);
    expect(result.conclusion).toBe('success');
    expect(mainOf(result, 'cache').warnings).toHaveLength(1);
  });

  it("GitHub's cache is used for a key whose object name is too long for the bucket", async () => {
    const key = 'ü'.repeat(300);
    const result = await cache(`path: deps, key: ${key}`, {
      env: github.env,
    });
    expect(mainOf(result, 'cache').warnings).toEqual([expect.stringMatching(/but S3 allows 1024/)]);
    expect(closingFields(postOf(result, 'cache'))).toMatchObject({ source: 'github', result: 'saved' });
  });
});
