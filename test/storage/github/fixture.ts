import { spawn } from 'node:child_process';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, vi } from 'vitest';
import { JobRecords } from '../../../src/records/job-records.ts';
import { WaitedTime } from '../../../src/retry/stall-limit.ts';
import type { LookupRequest, RestoreRequest, SaveRequest } from '../../../src/storage/backend.ts';
import { GitHubBackend } from '../../../src/storage/github/github-backend.ts';
import { GITHUB_LIMITS } from '../../../src/storage/github/watchdog.ts';
import { collectOutput } from '../../support/collect-output.ts';
import { type Azurite, startAzurite } from '../../support/github/azurite.ts';
import type { CacheService } from '../../support/github/cache-service.ts';
import { startGitHubCache } from '../../support/github/github-cache.ts';
import { skipWithout, tar } from '../../support/platform-needs.ts';
import {
  createLookupRequest,
  createRestoreRequest,
  createSaveRequest,
  recordingLog,
} from '../../support/requests.ts';
import { silentLog } from '../../support/silent-log.ts';
import { buildTree, deleteTree } from '../../support/tree.ts';

/** GitHub's cache of one test. */
interface GitHub {
  readonly service: CacheService;
  /** GITHUB_WORKSPACE. */
  readonly workspace: string;
  /** The tree that is cached. */
  readonly tree: string;
  /** Returns the URL of a blob. Tests replace it, so that only the blob store fails. */
  signedUrl: Azurite['signedUrl'];
  /** Variables that the runner sets for a step. */
  readonly environment: Readonly<Record<string, string>>;
  /** Opens a backend whose calls are for the tree. */
  open(...options: OpenOptions): ReturnType<typeof openBackend>;
}

type OpenOptions = Parameters<typeof openBackend> extends [string, ...infer Rest] ? Rest : never;

/** Time in ms after which a client whose call was given up opens its archive for no further attempt. */
const LAST_ATTEMPT_MS = 1000;

/**
 * The real client against a real blob store and a stand-in of the cache service. The client downloads in a single
 * stream from hosts that are not Azure's, so its concurrent download is not covered.
 */
export function useGitHub(): GitHub {
  let azurite: Azurite | undefined;
  const roots: string[] = [];
  const github = {
    open: (...options) => openBackend(github.tree, ...options),
  } as { -readonly [K in keyof GitHub]: GitHub[K] };

  beforeAll(async () => {
    azurite = await startAzurite();
  }, 150_000);

  // A client whose call was given up may still open its archive: without it, an unhandled error would end the run
  afterAll(async () => {
    await azurite?.stop();
    await delay(LAST_ATTEMPT_MS);
    for (const root of roots) await deleteTree(root);
  });

  beforeEach(async () => {
    const root = await mkdtemp(path.join(tmpdir(), 'cache-s3-github-'));
    await buildTree(root, { temp: { directory: true }, workspace: { directory: true } });
    github.signedUrl = azurite!.signedUrl;
    const { service, env } = await startGitHubCache({
      signedUrl: (blob, permissions) => github.signedUrl(blob, permissions),
    });
    github.service = service;
    github.workspace = path.join(root, 'workspace');
    github.tree = path.join(root, 'workspace/tree');
    github.environment = {
      ...env,
      GITHUB_SERVER_URL: 'https://github.com',
      GITHUB_WORKSPACE: github.workspace,
      RUNNER_TEMP: path.join(root, 'temp'),
      // Azurite and the stand-in run on this machine
      NO_PROXY: '127.0.0.1',
    };
    for (const [name, value] of Object.entries(github.environment)) vi.stubEnv(name, value);
  });

  afterEach(async () => {
    vi.unstubAllEnvs();
    await github.service.stop();
    await deleteTree(github.workspace);
    roots.push(path.dirname(github.workspace));
  });

  return github;
}

/** The client packs and unpacks with tar: without it a test is skipped at its first save or restore. */
class TarBackend extends GitHubBackend {
  override save(...request: Parameters<GitHubBackend['save']>) {
    skipWithout(tar);
    return super.save(...request);
  }

  override restore(...request: Parameters<GitHubBackend['restore']>) {
    skipWithout(tar);
    return super.restore(...request);
  }
}

/** Opens a backend with a log. Its calls are for `tree`, unless a request names other paths. */
export function openBackend(
  tree: string,
  limits = GITHUB_LIMITS,
  records = new JobRecords(undefined, silentLog),
) {
  const log = recordingLog();
  const load = () => import('@actions/cache');
  const backend = new TarBackend({ load, log, records, limits, waited: new WaitedTime() });
  const paths = [tree];
  return {
    backend,
    log,
    lookup: (request: Partial<LookupRequest> = {}) =>
      backend.lookup(createLookupRequest({ paths, ...request })),
    restore: (request: Partial<RestoreRequest> = {}) =>
      backend.restore(createRestoreRequest({ paths, ...request })),
    save: (request: Partial<SaveRequest> = {}) => backend.save(createSaveRequest({ paths, ...request })),
  };
}

/** Saves a tree of two files under this key. */
export async function saveTwoFiles(github: GitHub, key: string, content = key) {
  await buildTree(github.tree, {
    'a.txt': content,
    'deep/b.bin': { content: Buffer.alloc(300_000, key), mode: 0o755 },
  });
  return github.open().save({ key });
}

/** Reads in a process of its own with debug messages on, and returns all that reaches the runner. */
export async function readInChild(
  github: GitHub,
  method: 'lookup' | 'restore',
  request: LookupRequest,
): Promise<{ readonly code: number | null; readonly lines: readonly string[] }> {
  const program = path.join(import.meta.dirname, 'read-in-child.ts');
  const child = spawn(process.execPath, [program, method, JSON.stringify(request)], {
    env: { ...process.env, ...github.environment, RUNNER_DEBUG: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const { exitCode, stdout, stderr } = await collectOutput(child);
  return { code: exitCode, lines: (stdout + stderr).trimEnd().split('\n') };
}
