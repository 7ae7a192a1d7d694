import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readRunContext } from '../../../src/action/run/event.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'cache-s3-event-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function context(eventName: string, payload: unknown, env: Record<string, string> = {}) {
  const file = path.join(directory, 'event.json');
  writeFileSync(file, typeof payload === 'string' ? payload : JSON.stringify(payload));
  return readRunContext({
    GITHUB_EVENT_NAME: eventName,
    GITHUB_EVENT_PATH: file,
    GITHUB_REPOSITORY: 'octo/app',
    GITHUB_REF: 'refs/heads/topic',
    ...env,
  });
}

const repository = { default_branch: 'trunk', full_name: 'octo/app' };
const pullRequest = (head: unknown) => ({ repository, pull_request: { base: { ref: 'dev' }, head } });

const run = {
  GITHUB_WORKSPACE: '/work/app',
  GITHUB_RUN_ID: '42',
  GITHUB_RUN_ATTEMPT: '2',
  GITHUB_SHA: '0123abc',
};

test('a push knows its ref and the default branch', () => {
  expect(context('push', { repository }, run)).toEqual({
    eventName: 'push',
    ref: 'refs/heads/topic',
    repository: 'octo/app',
    defaultRef: 'refs/heads/trunk',
    baseRef: undefined,
    pullRequest: false,
    fork: false,
    workspace: '/work/app',
    runId: '42',
    runAttempt: '2',
    sha: '0123abc',
  });
});

test('a pull request knows its base', () => {
  expect(context('pull_request', pullRequest({ repo: { full_name: 'octo/app' } }))).toMatchObject({
    baseRef: 'refs/heads/dev',
    pullRequest: true,
    fork: false,
  });
});

test.each([
  ['another repository', { repo: { full_name: 'stranger/app' } }],
  ['a repository that is gone', { repo: null }],
])('a pull request from %s is a fork', (_, head) => {
  for (const event of ['pull_request', 'pull_request_target', 'pull_request_review']) {
    expect(context(event, pullRequest(head)).fork).toBe(true);
  }
});

test('a pull request of which nobody tells where it comes from is taken for none of a fork', () => {
  expect(context('pull_request', { repository })).toMatchObject({ pullRequest: true, fork: false });
});

test('a merge group knows what it will be merged into', () => {
  const payload = { repository, merge_group: { base_ref: 'refs/heads/release' } };
  expect(context('merge_group', payload).baseRef).toBe('refs/heads/release');
});

test('a schedule has no repository in its payload and runs on the default branch', () => {
  const env = { GITHUB_REF: 'refs/heads/main' };
  expect(context('schedule', { schedule: '0 0 * * *' }, env).defaultRef).toBe('refs/heads/main');
});

test.each([
  ['no payload', ''],
  ['a broken payload', '{'],
  ['a payload of another kind', '"x"'],
  ['an empty payload', 'null'],
])('%s says nothing, and nothing breaks', (_, text) => {
  expect(context('push', text)).toMatchObject({ defaultRef: undefined, baseRef: undefined, fork: false });
  expect(readRunContext({})).toMatchObject({ ref: '', repository: '', defaultRef: undefined });
});

test('the base may come from the environment', () => {
  expect(context('pull_request', {}, { GITHUB_BASE_REF: 'dev' }).baseRef).toBe('refs/heads/dev');
  expect(context('push', {}, { GITHUB_BASE_REF: '' }).baseRef).toBeUndefined();
});
