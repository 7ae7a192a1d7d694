import { rm } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type CacheServiceV1, startCacheServiceV1 } from '../../support/github/cache-service-v1.ts';
import { scratch } from '../../support/scratch.ts';
import { buildTree, describeTree } from '../../support/tree.ts';
import { openBackend } from './fixture.ts';
import { SHORT_LIMITS } from './short-limits.ts';

let root: string;
let tree: string;
let service: CacheServiceV1;

beforeEach(async () => {
  root = scratch();
  tree = path.join(root, 'workspace/tree');
  await buildTree(root, { temp: { directory: true }, 'workspace/tree/a': 'content' });
  service = await startCacheServiceV1();
  const environment = {
    ACTIONS_CACHE_SERVICE_V2: '',
    ACTIONS_CACHE_URL: service.url,
    ACTIONS_RUNTIME_TOKEN: 'token',
    GITHUB_SERVER_URL: 'https://git.example.org',
    GITHUB_WORKSPACE: path.join(root, 'workspace'),
    RUNNER_TEMP: path.join(root, 'temp'),
    NO_PROXY: '127.0.0.1',
  };
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await service.stop();
});

const save = () => {
  const { save } = openBackend(tree, SHORT_LIMITS);
  return save({ key: 'k' });
};

describe('version 1 of the cache service', () => {
  it('saves a tree and restores it', async () => {
    expect(await save()).toMatchObject({ kind: 'saved' });
    await rm(tree, { recursive: true });
    const { backend, restore } = openBackend(tree);
    const match = await restore({ primaryKey: 'k' });
    expect(match).toMatchObject({ kind: 'hit', key: 'k', exact: true });
    expect(Object.keys(await describeTree(tree))).toEqual(['a']);
    expect(backend.counters).toEqual({ requests: 2, retries: 0 });
  });

  it('has a miss for an unknown key', async () => {
    const { lookup } = openBackend(tree);
    expect(await lookup()).toMatchObject({
      kind: 'miss',
    });
    expect(service.calls).toEqual(['GET cache']);
  });

  it('does not save a key that another job has reserved', async () => {
    await save();
    expect(await save()).toEqual({ kind: 'exists', source: 'github' });
  });

  it('has a miss for a key that was not requested', async () => {
    await save();
    service.behave({ matchedKey: 'other\n::add-mask::injected-mask' });
    const { log, lookup } = openBackend(tree);
    expect(await lookup({ primaryKey: 'k' })).toMatchObject({
      kind: 'miss',
    });
    expect(log.shown).toEqual([
      expect.stringMatching(/^notice: GitHub's cache returned a key that was not requested/),
    ]);
  });

  it.each([
    [403, 'refused', /^GitHub's cache refused the request: /],
    [500, 'unavailable', /^GitHub's cache could not be used: /],
    [
      503,
      'unavailable',
      /^GitHub's cache did not respond within 1 s \(last attempt: Cache service responded with 503\)$/,
    ],
  ])('with status %d is neither a miss nor a taken key', async (status, kind, message) => {
    service.behave({ status });
    const { lookup } = openBackend(tree, SHORT_LIMITS);
    const failure = { kind, error: { message: expect.stringMatching(message) } };
    expect(await lookup()).toMatchObject(failure);
    expect(await save()).toMatchObject(failure);
  });
});
