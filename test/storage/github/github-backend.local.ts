import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { StoreRefusedError, StoreUnavailableError } from '../../../src/storage/errors.ts';
import { createGitHubBackend } from '../../../src/storage/github/github-backend.ts';
import { type Azurite, startAzurite } from '../../support/azurite.ts';
import { type CacheService, startCacheService } from '../../support/cache-service.ts';
import { lookupRequest, recordingLog, restoreRequest, saveRequest } from '../../support/requests.ts';
import { buildTree, describeTree, removeTree } from '../../support/tree.ts';

/**
 * The real client against a real blob store and a stand-in of the cache service. The client downloads in a single
 * stream from hosts that are not Azure's, so its concurrent download is not covered.
 */

let azurite: Azurite;
let service: CacheService;
let root: string;
/** Where addresses of blobs point; tests replace it to break the blob store alone. */
let signedUrl: Azurite['signedUrl'];

const limits = { serviceMs: 10_000, idleMs: 30_000 };
/** For faults, so that a test need not wait: what they prove does not depend on the length. */
const short = { serviceMs: 1000, idleMs: 1000 };

beforeAll(async () => {
  azurite = await startAzurite();
});

afterAll(() => azurite.stop());

beforeEach(async () => {
  signedUrl = azurite.signedUrl;
  const salt = crypto.randomUUID();
  service = await startCacheService({ signedUrl: (blob, right) => signedUrl(`${salt}-${blob}`, right) });
  root = await mkdtemp(path.join(tmpdir(), 'cache-s3-github-'));
  await buildTree(root, { temp: { directory: true }, workspace: { directory: true } });
  for (const [name, value] of Object.entries(environment())) vi.stubEnv(name, value);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await service.stop();
  await removeTree(root);
});

function environment(): Record<string, string> {
  return {
    ACTIONS_CACHE_SERVICE_V2: 'True',
    ACTIONS_RESULTS_URL: service.url,
    ACTIONS_RUNTIME_TOKEN: 'token',
    GITHUB_SERVER_URL: 'https://github.com',
    GITHUB_WORKSPACE: path.join(root, 'workspace'),
    RUNNER_TEMP: path.join(root, 'temp'),
    // Azurite and the stand-in are on this machine.
    NO_PROXY: '127.0.0.1',
  };
}

async function backendWithLog(allowed = limits) {
  const log = recordingLog();
  return { backend: await createGitHubBackend({ log, limits: allowed }), log };
}

const tree = () => path.join(root, 'workspace/tree');
const paths = () => [tree()];

async function saved(key: string, content = key) {
  await buildTree(tree(), {
    'a.txt': content,
    'deep/b.bin': { content: Buffer.alloc(300_000, key), mode: 0o755 },
  });
  const { backend } = await backendWithLog();
  return backend.save(saveRequest({ key, paths: paths() }));
}

describe('a service that answers', () => {
  it('saves, and restores the exact key', async () => {
    expect(await saved('deps-1')).toEqual({
      result: 'saved',
      source: 'github',
      sizeBytes: service.entries[0]?.sizeBytes,
      entries: undefined,
      rawBytes: undefined,
      reusedBytes: 0,
    });
    const before = await describeTree(tree());
    await rm(tree(), { recursive: true });
    const { backend, log } = await backendWithLog();
    const outcome = await backend.restore(restoreRequest({ primaryKey: 'deps-1', paths: paths() }));
    expect(outcome).toMatchObject({
      source: 'github',
      key: 'deps-1',
      exact: true,
      sizeBytes: service.entries[0]?.sizeBytes,
    });
    const ignoreMtime = () => true;
    expect(await describeTree(tree(), { ignoreMtime })).toEqual(
      Object.fromEntries(Object.entries(before).map(([name, entry]) => [name, { ...entry, mtime: 0 }])),
    );
    expect(log.shown).toEqual([]);
    expect(backend.counters).toEqual({ requests: 2, retries: 0 });
  });

  it('restores the newest by a restore key, which is no exact hit', async () => {
    await saved('deps-1');
    await saved('deps-2', 'newer');
    const { backend } = await backendWithLog();
    const request = { primaryKey: 'deps-3', restoreKeys: ['other-', 'deps-'], paths: paths() };
    expect(await backend.restore(restoreRequest(request))).toMatchObject({ key: 'deps-2', exact: false });
  });

  it('takes the primary key as a prefix, and letters as they are', async () => {
    await saved('Deps-1-x');
    const { backend } = await backendWithLog();
    const find = (primaryKey: string) => backend.lookup(lookupRequest({ primaryKey, paths: paths() }));
    expect(await find('Deps-1')).toMatchObject({ key: 'Deps-1-x', exact: false });
    expect(await find('deps-1')).toBeUndefined();
  });

  it('looks up without a download', async () => {
    await saved('deps-1');
    signedUrl = () => 'http://127.0.0.1:9/nothing-listens-here';
    const { backend } = await backendWithLog();
    expect(await backend.lookup(lookupRequest({ primaryKey: 'deps-1', paths: paths() }))).toEqual({
      source: 'github',
      key: 'deps-1',
      exact: true,
      sizeBytes: undefined,
    });
  });

  it('says miss when there is none, also for other paths', async () => {
    await saved('deps-1');
    const { backend, log } = await backendWithLog();
    expect(await backend.restore(restoreRequest({ primaryKey: 'none', paths: paths() }))).toBeUndefined();
    const elsewhere = restoreRequest({ primaryKey: 'deps-1', paths: ['other'] });
    expect(await backend.restore(elsewhere)).toBeUndefined();
    expect(log.shown).toEqual([]);
  });

  it('says exists when another job has reserved the key', async () => {
    await saved('deps-1');
    expect(await saved('deps-1')).toEqual({ result: 'exists', source: 'github' });
  });

  it('says empty when no path matches', async () => {
    const { backend } = await backendWithLog();
    const request = saveRequest({ key: 'deps-1', paths: [path.join(root, 'workspace/none')] });
    expect(await backend.save(request)).toEqual({ result: 'empty' });
    expect(service.calls).toEqual([]);
  });

  it('refuses a key that the service does not take', async () => {
    const { backend } = await backendWithLog();
    const long = 'k'.repeat(513);
    const error = await backend.restore(restoreRequest({ primaryKey: long })).catch(caught => caught);
    expect(error).toBeInstanceOf(StoreRefusedError);
    expect(error.lookAt).toBe("the input 'key'");
  });
});

describe('a service that does not', () => {
  it.each([{ status: 503 }, 'silent'] as const)('is no miss when it answers %o', async behaviour => {
    service.behave(behaviour);
    const { backend, log } = await backendWithLog(short);
    const lost = expect.objectContaining({
      name: 'StoreUnavailableError',
      message: expect.stringMatching(/^GitHub's cache did not answer within 1 s/),
    });
    await buildTree(tree(), { a: 'a' });
    await Promise.all([
      expect(backend.restore(restoreRequest({ paths: paths() }))).rejects.toEqual(lost),
      expect(backend.lookup(lookupRequest({ paths: paths() }))).rejects.toEqual(lost),
      expect(backend.save(saveRequest({ paths: paths() }))).rejects.toEqual(lost),
    ]);
    expect(log.shown).toEqual([]);
  });

  it('is named with what it said', async () => {
    service.behave({ status: 503 });
    const { backend } = await backendWithLog(short);
    await expect(backend.lookup(lookupRequest({ paths: paths() }))).rejects.toThrow(
      "GitHub's cache did not answer within 1 s (Failed request: (503) Service Unavailable: try again later)",
    );
  });

  it('is no other job when it cannot be reached', async () => {
    await buildTree(tree(), { a: 'a' });
    const { backend } = await backendWithLog();
    vi.stubEnv('ACTIONS_RESULTS_URL', 'http://127.0.0.1:9/');
    await expect(backend.save(saveRequest({ paths: paths() }))).rejects.toThrow(
      "GitHub's cache did not answer: Failed to CreateCacheEntry: Unable to make request: ECONNREFUSED",
    );
  });

  it('refuses by policy with its own words', async () => {
    service.behave('denied');
    await buildTree(tree(), { a: 'a' });
    const { backend } = await backendWithLog();
    await expect(backend.lookup(lookupRequest({ paths: paths() }))).rejects.toThrow(
      /cache read denied: no readable/,
    );
    await expect(backend.save(saveRequest({ paths: paths() }))).rejects.toThrow(
      /cache write denied: read-only/,
    );
  });

  it('is believed when it refuses a reservation for another reason', async () => {
    service.behave({ notOk: 'the repository is archived' });
    await buildTree(tree(), { a: 'a' });
    const { backend } = await backendWithLog();
    const error = await backend.save(saveRequest({ paths: paths() })).catch(caught => caught);
    expect(error).toBeInstanceOf(StoreUnavailableError);
    expect(error.message).toBe("GitHub's cache did not answer: the repository is archived");
  });
});

describe('a blob store that falls silent', () => {
  let silent: Server;

  beforeEach(async () => {
    // Answers downloads with the first bytes of a long body, uploads with nothing.
    silent = createServer((request, response) => {
      if (request.method !== 'GET') return;
      response.writeHead(200, { 'content-length': 10_000_000 });
      response.write(Buffer.alloc(100_000));
    }).listen(0, '127.0.0.1');
    await once(silent, 'listening');
  });

  afterEach(() => {
    silent.closeAllConnections();
    silent.close();
  });

  const address = () => `http://127.0.0.1:${(silent.address() as AddressInfo).port}/caches/blob?sig=abc`;

  it('ends a restore in the middle of its download, and the tree is as it was', async () => {
    await saved('deps-1');
    await rm(tree(), { recursive: true });
    signedUrl = address;
    const { backend, log } = await backendWithLog(short);
    await expect(backend.restore(restoreRequest({ primaryKey: 'deps-1', paths: paths() }))).rejects.toThrow(
      "GitHub's cache did not answer: no byte moved for 1 s",
    );
    expect(await describeTree(path.join(root, 'workspace'))).toEqual({});
    expect(log.shown).toEqual([]);
  });

  it('ends a save', async () => {
    await buildTree(tree(), { a: 'a' });
    signedUrl = address;
    const { backend } = await backendWithLog(short);
    await expect(backend.save(saveRequest({ paths: paths() }))).rejects.toThrow(
      "GitHub's cache did not answer: no byte moved for 1 s",
    );
    expect(service.entries[0]?.sizeBytes).toBeUndefined();
  });
});

describe('ending early', () => {
  it('stops at an abort with its reason', async () => {
    service.behave('silent');
    const { backend } = await backendWithLog();
    const reason = new Error('cancelled');
    const controller = new AbortController();
    const asked = backend.lookup(lookupRequest({ paths: paths(), signal: controller.signal }));
    await vi.waitFor(() => expect(service.calls).toHaveLength(1));
    controller.abort(reason);
    await expect(asked).rejects.toBe(reason);
  });

  it('leaves nothing that keeps the process alive', async () => {
    service.behave('silent');
    const source = path.resolve(import.meta.dirname, '../../../src');
    const script = `
      const { createGitHubBackend } = await import(${JSON.stringify(`${source}/storage/github/github-backend.ts`)});
      const { silentLog } = await import(${JSON.stringify(`${source}/report/log.ts`)});
      const backend = await createGitHubBackend({ log: silentLog, limits: ${JSON.stringify(short)} });
      await backend.lookup(${JSON.stringify(lookupRequest())}).catch(error => console.log(error.message));
    `;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      env: { ...process.env, ...environment() },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let printed = '';
    child.stdout.on('data', chunk => {
      printed += chunk;
    });
    const [code] = await once(child, 'close');
    expect(printed).toBe("GitHub's cache did not answer within 1 s\n");
    expect(code).toBe(0);
    expect(service.calls).toHaveLength(1);
  });

  it('is not offered where the runner has no cache service', async () => {
    vi.stubEnv('ACTIONS_RUNTIME_TOKEN', '');
    await expect(backendWithLog()).rejects.toThrow(
      "GitHub's cache is not available on this runner: it sets no ACTIONS_RUNTIME_TOKEN",
    );
  });
});
