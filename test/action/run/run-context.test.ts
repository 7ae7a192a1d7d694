import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { readRunContext } from '../../../src/action/run/run-context.ts';
import { scratch } from '../../support/scratch.ts';

function context(eventName: string, payload: unknown, env: Record<string, string> = {}) {
  const file = path.join(scratch(), 'event.json');
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

/** The rest of the run's environment. */
const run = {
  GITHUB_WORKSPACE: path.resolve('/work/app'),
  HOME: '/home/me',
  USERPROFILE: path.resolve('/home/me'),
  GITHUB_RUN_ID: '42',
  GITHUB_RUN_ATTEMPT: '2',
  GITHUB_SHA: '0123abc',
  ACTIONS_CACHE_MODE: 'read',
  ACTIONS_RUNTIME_TOKEN: `e30.${Buffer.from('{"ac":"[]"}').toString('base64url')}.s`,
};

test('a push has its ref, the default branch and the facts of its run', () => {
  expect(context('push', { repository }, run)).toEqual({
    eventName: 'push',
    ref: 'refs/heads/topic',
    repository: 'octo/app',
    defaultRef: 'refs/heads/trunk',
    baseRef: undefined,
    isPullRequest: false,
    isFromFork: false,
    tokenScopes: [],
    cacheMode: 'read',
    workspace: path.resolve('/work/app'),
    home: path.resolve('/home/me'),
    runId: '42',
    runAttempt: '2',
    sha: '0123abc',
  });
});

test('a pull request of the same repository has its base and is no fork', () => {
  expect(context('pull_request', pullRequest({ repo: { full_name: 'Octo/App' } }))).toMatchObject({
    baseRef: 'refs/heads/dev',
    isPullRequest: true,
    isFromFork: false,
  });
});

test.each([
  ['another repository', { repo: { full_name: 'stranger/app' } }],
  ['a repository that has been deleted', { repo: null }],
])('a pull request from %s is a fork', (_, head) => {
  for (const event of ['pull_request', 'pull_request_target', 'pull_request_review']) {
    expect(context(event, pullRequest(head)).isFromFork).toBe(true);
  }
});

test('a pull request whose payload does not name its repository counts as a fork', () => {
  for (const payload of [{ repository }, '', pullRequest({ repo: { full_name: '' } })]) {
    expect(context('pull_request', payload)).toMatchObject({ isPullRequest: true, isFromFork: true });
  }
});

test('an unknown event on the ref of a pull request is one, and a fork if the payload does not name its repository', () => {
  const env = { GITHUB_REF: 'refs/pull/7/head' };
  const own = pullRequest({ repo: { full_name: 'octo/app' } });
  expect(context('pull_request_comment', own, env)).toMatchObject({ isPullRequest: true, isFromFork: false });
  expect(context('pull_request_comment', { repository }, env)).toMatchObject({
    isPullRequest: true,
    isFromFork: true,
  });
});

test('a push with the payload of a fork is not a pull request and not a fork', () => {
  const payload = pullRequest({ repo: { full_name: 'stranger/app' } });
  expect(context('push', payload)).toMatchObject({ isPullRequest: false, isFromFork: false });
});

test('a merge group has the ref that it will be merged into', () => {
  const payload = { repository, merge_group: { base_ref: 'refs/heads/release' } };
  expect(context('merge_group', payload).baseRef).toBe('refs/heads/release');
});

test('a schedule, whose payload has no repository, runs on the default branch', () => {
  const env = { GITHUB_REF: 'refs/heads/main' };
  expect(context('schedule', { schedule: '0 0 * * *' }, env).defaultRef).toBe('refs/heads/main');
});

test('without any environment the run has no ref, and the workspace is the current directory', () => {
  expect(readRunContext({})).toMatchObject({
    ref: '',
    repository: '',
    defaultRef: undefined,
    tokenScopes: undefined,
    cacheMode: '',
    workspace: process.cwd(),
  });
});

test('the base is read from GITHUB_BASE_REF if the payload does not contain it', () => {
  expect(context('pull_request', {}, { GITHUB_BASE_REF: 'dev' }).baseRef).toBe('refs/heads/dev');
  expect(context('push', {}, { GITHUB_BASE_REF: '' }).baseRef).toBeUndefined();
});

test('the repository is read from the payload if GITHUB_REPOSITORY is not set', () => {
  const file = path.join(scratch(), 'event.json');
  writeFileSync(file, JSON.stringify({ repository }));
  expect(readRunContext({ GITHUB_EVENT_PATH: file }).repository).toBe('octo/app');
});

test('a workspace that is relative is in the current directory', () => {
  expect(readRunContext({ GITHUB_WORKSPACE: 'app/../app' }).workspace).toBe(path.resolve('app'));
});

test('a branch whose name begins like a ref is a branch', () => {
  expect(context('push', { repository: { default_branch: 'refactor' } }).defaultRef).toBe(
    'refs/heads/refactor',
  );
});
