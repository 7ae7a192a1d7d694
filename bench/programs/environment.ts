import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { CacheRun } from './program.ts';

/** Where a program finds its bucket. */
export interface Store {
  readonly endpoint: string;
  readonly region: string;
  readonly accessKey: string;
  readonly secretKey: string;
}

/**
 * All that a program gets of an environment: that of a step on a push to the default branch, without GitHub's cache;
 * the inputs under the names that ours and tespkg/actions-cache share; and the same once more as BENCH_*.
 */
export function environment(job: CacheRun, store: Store, bucket: string): Record<string, string> {
  const runner = path.join(job.temp, 'runner');
  mkdirSync(runner, { recursive: true });
  const file = (name: string, content = '') => {
    const full = path.join(runner, name);
    writeFileSync(full, content);
    return full;
  };
  const url = new URL(store.endpoint);
  return {
    PATH: process.env.PATH ?? '/usr/bin:/bin',
    HOME: runner,
    LANG: 'C.UTF-8',
    GITHUB_ACTIONS: 'true',
    GITHUB_WORKSPACE: job.workspace,
    GITHUB_REPOSITORY: 'bench/bench',
    GITHUB_REF: 'refs/heads/main',
    GITHUB_EVENT_NAME: 'push',
    GITHUB_EVENT_PATH: file('event.json', JSON.stringify({ repository: { default_branch: 'main' } })),
    GITHUB_RUN_ID: '1',
    GITHUB_RUN_ATTEMPT: '1',
    GITHUB_OUTPUT: file('output'),
    GITHUB_STATE: file('state'),
    GITHUB_ENV: file('env'),
    GITHUB_STEP_SUMMARY: file('summary'),
    RUNNER_OS: 'Linux',
    RUNNER_ARCH: process.arch === 'arm64' ? 'ARM64' : 'X64',
    RUNNER_TEMP: job.temp,
    AWS_ACCESS_KEY_ID: store.accessKey,
    AWS_SECRET_ACCESS_KEY: store.secretKey,
    AWS_REGION: store.region,
    INPUT_ENDPOINT: url.hostname,
    INPUT_PORT: url.port,
    INPUT_INSECURE: String(url.protocol === 'http:'),
    INPUT_BUCKET: bucket,
    INPUT_REGION: store.region,
    INPUT_ACCESSKEY: store.accessKey,
    INPUT_SECRETKEY: store.secretKey,
    INPUT_PATH: job.path,
    INPUT_KEY: job.key,
    'INPUT_RESTORE-KEYS': job.restoreKeys.join('\n'),
    // a bucket that fails must end the bench, not be covered up
    'INPUT_USE-FALLBACK': 'false',
    BENCH_ENDPOINT: store.endpoint,
    BENCH_BUCKET: bucket,
    BENCH_PATH: job.path,
    BENCH_KEY: job.key,
    BENCH_RESTORE_KEYS: job.restoreKeys.join('\n'),
  };
}
