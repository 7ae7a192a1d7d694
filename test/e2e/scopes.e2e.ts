import { expect, it } from 'vitest';
import { startGatewayProxy } from '../support/gateway/shared-gateway.ts';
import { closingFields, linesForPeople, mainOf, postOf } from '../support/runner/results.ts';
import { forwardInRounds } from '../support/servers/request-rounds.ts';
import { cacheSteps } from './support/actions-cache.ts';
import { describeWithGateway, type LabOptions, useLab } from './support/lab.ts';

/** GitHub's rules of scopes, applied to the bucket, and the requests that they take. */

const lab = useLab();

const onMain: LabOptions = { github: { ref: 'refs/heads/main' } };
const onRelease: LabOptions = { github: { ref: 'refs/heads/release' } };
/** A pull request into `release`; the default branch is `main`. */
const onPullRequest: LabOptions = {
  event: {
    name: 'pull_request',
    payload: {
      number: 7,
      pull_request: { base: { ref: 'release' }, head: { repo: { full_name: 'octo/demo' } } },
    },
  },
  github: { ref: 'refs/pull/7/merge', base_ref: 'release', head_ref: 'topic' },
};

const steps = cacheSteps(lab);
const save = (key: string, options: LabOptions) => steps.save(`path: deps, key: ${key}`, options);
const restore = (inputs: string, options: LabOptions) => steps.restore(`path: deps, ${inputs}`, options);

async function matched(inputs: string, options: LabOptions): Promise<string | undefined> {
  return mainOf(await restore(inputs, options), 'cache').outputs['cache-matched-key'];
}

describeWithGateway('scope: ref', () => {
  it('a pull request reads its own ref, then its base, then the default branch', async () => {
    await save('k-main', onMain);
    expect(await matched('key: k-x, restore-keys: k-', onPullRequest)).toBe('k-main');
    await save('k-release', onRelease);
    expect(await matched('key: k-x, restore-keys: k-', onPullRequest)).toBe('k-release');
    await save('k-pull', onPullRequest);
    expect(await matched('key: k-x, restore-keys: k-', onPullRequest)).toBe('k-pull');
    // A match of a nearer scope is preferred to a better match of another one
    expect(await matched('key: k-main, restore-keys: k-', onPullRequest)).toBe('k-pull');
  });

  it('the default branch does not read caches of pull requests and other branches', async () => {
    expect(mainOf(await save('k', onPullRequest), 'cache').log).toContain('Cache saved with key: k');
    await save('k', onRelease);
    expect(await matched('key: k, restore-keys: k', onMain)).toBeUndefined();
    const other: LabOptions = { ...onPullRequest, github: { ref: 'refs/pull/8/merge', base_ref: 'main' } };
    expect(await matched('key: k', { ...other, event: { name: 'pull_request' } })).toBeUndefined();
    expect(await matched('key: k', onPullRequest)).toBe('k');
  });

  it('a line after a miss names another ref that has the key', async () => {
    const onFeature: LabOptions = { github: { ref: 'refs/heads/feature' } };
    await save('k', onFeature);
    const line = "The key 'k' exists for refs/heads/feature, which this run does not read (input `scope`).";
    expect(mainOf(await restore('key: k', onMain), 'cache').log).toContain(line);
    expect(mainOf(await restore('key: k', onFeature), 'cache').log).not.toContain('exists for');
    expect(mainOf(await restore('key: k-other', onMain), 'cache').log).not.toContain('exists for');
  });

  it('a repository does not read caches of another one', async () => {
    await save('k', onMain);
    expect(await matched('key: k', { github: { repository: 'octo/other' } })).toBeUndefined();
  });
});

describeWithGateway('requests of a restore with a base and a default branch', () => {
  const requestsOf = async (inputs: string, options: LabOptions) => {
    await using proxy = await startGatewayProxy();
    const result = await restore(inputs, { ...options, env: { CACHE_S3_ENDPOINT: proxy.endpoint } });
    const { requests, result: outcome } = closingFields(mainOf(result, 'cache'))!;
    const operations = proxy.operations.toSorted();
    return { outcome, requests: Number(requests), operations };
  };
  const gets = (count: number) => Array<string>(count).fill('GetObject');
  const lists = (count: number) => Array<string>(count).fill('ListObjectsV2');

  it('an exact hit on the own ref requests the tails of three scopes at once', async () => {
    await save('k', onPullRequest);
    const { outcome, requests, operations } = await requestsOf('key: k, restore-keys: k-', onPullRequest);
    expect({ outcome, requests }).toEqual({ outcome: 'hit', requests: 3 });
    // The others are aborted, some before they are sent
    expect(operations.length).toBeLessThanOrEqual(3);
    expect(new Set(operations)).toEqual(new Set(['GetObject']));
  });

  it('an exact hit with one scope is one request', async () => {
    await save('k', onMain);
    expect(await requestsOf('key: k, restore-keys: k-', onMain)).toEqual({
      outcome: 'hit',
      requests: 1,
      operations: gets(1),
    });
  });

  it('a partial hit requests a tail and two listings of each scope, a listing of other scopes, and the object', async () => {
    await save('k-old', onMain);
    const { outcome, requests, operations } = await requestsOf('key: k-new, restore-keys: k-', onPullRequest);
    expect({ outcome, requests }).toEqual({ outcome: 'partial', requests: 11 });
    // The listing of other scopes is aborted, sometimes before it is sent
    expect([6, 7]).toContain(operations.length - 4);
    expect(operations).toEqual([...gets(4), ...lists(operations.length - 4)]);
  });

  it('a miss requests a tail and two listings of each scope, and a listing of other scopes', async () => {
    expect(await requestsOf('key: k-new, restore-keys: k-', onPullRequest)).toEqual({
      outcome: 'miss',
      requests: 10,
      operations: [...gets(3), ...lists(7)],
    });
  });
});

describeWithGateway('round trips of a restore with two restore-keys', () => {
  const roundsOf = async (key: string, options: LabOptions) => {
    await using proxy = await startGatewayProxy();
    const rounds = forwardInRounds(proxy);
    const inputs = `key: ${key}, restore-keys: "k-\\nj-"`;
    const result = await restore(inputs, { ...options, env: { CACHE_S3_ENDPOINT: proxy.endpoint } });
    return { outcome: closingFields(mainOf(result, 'cache'))?.result, rounds };
  };
  const times = (operation: string, count: number) => Array<string>(count).fill(operation);

  it('an exact hit takes one round trip', async () => {
    await save('k', onMain);
    expect(await roundsOf('k', onMain)).toEqual({ outcome: 'hit', rounds: [['GetObject']] });
  });

  it('a miss takes two round trips, also with three scopes', async () => {
    const { outcome, rounds } = await roundsOf('k-new', onPullRequest);
    expect(outcome).toBe('miss');
    expect(rounds).toEqual([times('GetObject', 3), times('ListObjectsV2', 10)]);
  });
});

describeWithGateway('wider scopes', () => {
  it.each(['repository', 'bucket'])(
    'scope %s is shared by branches, and pull requests only read it',
    async scope => {
      const inputs = { env: { CACHE_S3_SCOPE: scope } };
      const denied = await save('k', { ...onPullRequest, ...inputs });
      expect(linesForPeople(mainOf(denied, 'cache'))).toBe(
        `Cache not saved: with scope '${scope}' a pull request may only read.`,
      );
      expect(denied.conclusion).toBe('success');
      await save('k', { ...onRelease, ...inputs });
      expect(await matched('key: k', { ...onMain, ...inputs })).toBe('k');
      expect(await matched('key: k', { ...onPullRequest, ...inputs })).toBe('k');
      const elsewhere = await matched('key: k', { github: { repository: 'octo/other' }, ...inputs });
      expect(elsewhere).toBe(scope === 'bucket' ? 'k' : undefined);
    },
  );
});

describeWithGateway('a run without all rights', () => {
  const cache = (options: LabOptions) => steps.cache('path: deps, key: k', options);

  it.each([
    [
      'none',
      'Cache not restored: ACTIONS_CACHE_MODE is none.',
      'Cache not saved: ACTIONS_CACHE_MODE is none.',
    ],
    ['read', undefined, 'Cache not saved: ACTIONS_CACHE_MODE is read.'],
    ['write-only', 'Cache not restored: ACTIONS_CACHE_MODE is write-only.', undefined],
  ])('ACTIONS_CACHE_MODE=%s is logged in one line', async (mode, notRestored, notSaved) => {
    await using proxy = await startGatewayProxy();
    const result = await cache({ env: { ACTIONS_CACHE_MODE: mode, CACHE_S3_ENDPOINT: proxy.endpoint } });
    expect(result.conclusion).toBe('success');
    if (notRestored) expect(mainOf(result, 'cache').log).toContain(notRestored);
    if (notSaved) expect(linesForPeople(postOf(result, 'cache'))).toBe(notSaved);
    expect(await lab.objects()).toHaveLength(notSaved ? 0 : 1);
    if (mode === 'none') expect(proxy.operations).toEqual([]);
  });

  it("an event that any user can cause only reads the default branch's cache", async () => {
    const result = await cache({ event: { name: 'issue_comment' } });
    expect(linesForPeople(postOf(result, 'cache'))).toBe(
      "Cache not saved: the event 'issue_comment' may only read the default branch's cache.",
    );
  });

  it('a run writes only to the scope that its token allows', async () => {
    const scopes = [
      { Scope: 'refs/heads/main', Permission: 1 },
      { Scope: 'refs/heads/topic', Permission: 3 },
    ];
    const claims = Buffer.from(JSON.stringify({ ac: JSON.stringify(scopes) })).toString('base64url');
    const env = { ACTIONS_RUNTIME_TOKEN: `e30.${claims}.x` };
    await cache({ env, github: { ref: 'refs/heads/topic' } });
    expect((await lab.objects()).map(name => name.split('/')[4])).toEqual(['refs=2Fheads=2Ftopic']);
    const reader = Buffer.from(JSON.stringify({ ac: JSON.stringify(scopes.slice(0, 1)) })).toString(
      'base64url',
    );
    const denied = await cache({ env: { ACTIONS_RUNTIME_TOKEN: `e30.${reader}.x` } });
    expect(linesForPeople(postOf(denied, 'cache'))).toBe(
      "Cache not saved: the run's token gives no right to write a cache.",
    );
  });
});
