import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import {
  contextVariables,
  eventPayload,
  githubContext,
  runnerContext,
} from '../../test/support/runner/job/contexts.ts';
import type { CacheRun } from './program.ts';

/** The store of the programs' buckets. */
export interface Store {
  readonly endpoint: string;
  readonly region: string;
  readonly accessKey: string;
  readonly secretKey: string;
}

/**
 * Returns the whole environment of a program: that of a step on a push to the default branch, without GitHub's cache; the
 * inputs under the names that ours and tespkg/actions-cache share; and the same as BENCH_*.
 */
export function environment(run: CacheRun, store: Store, bucket: string): Record<string, string> {
  const runner = path.join(run.temp, 'runner');
  mkdirSync(runner, { recursive: true });
  const file = (name: string, content = '') => {
    const full = path.join(runner, name);
    writeFileSync(full, content);
    return full;
  };
  const { workspace, temp } = run;
  const places = { workspace, temp, home: runner, toolCache: runner, eventFile: '' };
  const github = githubContext({ workspace }, 'bench', 'bench', places);
  const payload = eventPayload({ workspace }, String(github.ref), String(github.repository));
  const url = new URL(store.endpoint);
  return {
    ...contextVariables(github, runnerContext(places)),
    GITHUB_EVENT_PATH: file('event.json', JSON.stringify(payload)),
    PATH: process.env.PATH ?? '/usr/bin:/bin',
    HOME: runner,
    LANG: 'C.UTF-8',
    GITHUB_OUTPUT: file('output'),
    GITHUB_STATE: file('state'),
    GITHUB_ENV: file('env'),
    GITHUB_STEP_SUMMARY: file('summary'),
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
    INPUT_PATH: run.path,
    INPUT_KEY: run.key,
    'INPUT_RESTORE-KEYS': run.restoreKeys.join('\n'),
    // A bucket that fails must end the bench
    'INPUT_USE-FALLBACK': 'false',
    BENCH_ENDPOINT: store.endpoint,
    BENCH_BUCKET: bucket,
    BENCH_PATH: run.path,
    BENCH_KEY: run.key,
    BENCH_RESTORE_KEYS: run.restoreKeys.join('\n'),
  };
}
