import { describe, expect, test } from 'vitest';
import type { RunContext } from '../../../src/action/run/event.ts';
import { decideAccess, decideSave, githubAccess } from '../../../src/action/run/policy.ts';
import { readTokenScopes } from '../../../src/action/run/token.ts';
import type { Scope } from '../../../src/cache/keys/scope.ts';

const push: RunContext = {
  eventName: 'push',
  ref: 'refs/heads/topic',
  repository: 'octo/app',
  defaultRef: 'refs/heads/main',
  baseRef: undefined,
  pullRequest: false,
  fork: false,
  workspace: '/work/app',
  runId: '42',
  runAttempt: '1',
  sha: '0123abc',
};
const pull: RunContext = {
  ...push,
  eventName: 'pull_request',
  ref: 'refs/pull/7/merge',
  baseRef: 'refs/heads/dev',
  pullRequest: true,
};
const onMain = (eventName: string): RunContext => ({ ...push, eventName, ref: 'refs/heads/main' });

function tokenOf(claims: unknown) {
  const body = Buffer.from(JSON.stringify(claims)).toString('base64url');
  return { ACTIONS_RUNTIME_TOKEN: `e30.${body}.sig` };
}
const token = (...scopes: [ref: string, permission: number][]) =>
  tokenOf({ ac: JSON.stringify(scopes.map(([Scope, Permission]) => ({ Scope, Permission }))) });

const access = (context: RunContext, env = {}, scope: Scope = 'ref') => decideAccess(context, scope, env);

describe('what may be read, from the event', () => {
  test.each([
    ['a branch, then the default branch', push, ['refs/heads/topic', 'refs/heads/main']],
    ['the default branch itself, once', onMain('push'), ['refs/heads/main']],
    [
      'a pull request: its own, its base, the default',
      pull,
      ['refs/pull/7/merge', 'refs/heads/dev', 'refs/heads/main'],
    ],
    [
      'a merge group',
      {
        ...push,
        eventName: 'merge_group',
        ref: 'refs/heads/gh-readonly-queue/dev/pr-7',
        baseRef: 'refs/heads/dev',
      },
      ['refs/heads/gh-readonly-queue/dev/pr-7', 'refs/heads/dev', 'refs/heads/main'],
    ],
    ['a tag', { ...push, ref: 'refs/tags/v1' }, ['refs/tags/v1', 'refs/heads/main']],
    ['without a known default branch', { ...push, defaultRef: undefined }, ['refs/heads/topic']],
  ])('%s', (_, context, refs) => {
    expect(access(context).readRefs).toEqual(refs);
    expect(access(context).writeRef).toBe(context.ref);
  });
});

describe('what may be read and written, from the token', () => {
  const scopes = token(['refs/heads/main', 1], ['refs/heads/dev', 1], ['refs/pull/7/merge', 3]);

  test('its scopes, in the order of the event', () => {
    expect(access(pull, scopes)).toEqual({
      read: { allowed: true },
      write: { allowed: true },
      readRefs: ['refs/pull/7/merge', 'refs/heads/dev', 'refs/heads/main'],
      writeRef: 'refs/pull/7/merge',
    });
  });

  test('a ref that the token does not name is not read', () => {
    expect(access(pull, token(['refs/heads/dev', 1])).readRefs).toEqual(['refs/heads/dev']);
  });

  test('a ref that only the token names comes last', () => {
    const env = token(['refs/heads/other', 1], ['refs/heads/main', 1], ['refs/heads/topic', 3]);
    expect(access(push, env).readRefs).toEqual(['refs/heads/topic', 'refs/heads/main', 'refs/heads/other']);
  });

  test('what is written is what the token lets write', () => {
    expect(access(push, token(['refs/heads/main', 1], ['refs/heads/lent', 2])).writeRef).toBe(
      'refs/heads/lent',
    );
  });

  test('no write bit, no write', () => {
    expect(access(push, token(['refs/heads/topic', 1])).write).toEqual({
      allowed: false,
      reason: "the run's token only reads",
    });
  });

  test('no scope, no cache', () => {
    const none = access(push, token());
    expect(none.read.allowed).toBe(false);
    expect(none.write.allowed).toBe(false);
  });

  test.each([
    ['no token', {}],
    ['no JWT', { ACTIONS_RUNTIME_TOKEN: 'opaque' }],
    ['a broken body', { ACTIONS_RUNTIME_TOKEN: 'a.%%%.c' }],
    ['no claim', tokenOf({})],
    ['a claim that is no list', tokenOf({ ac: '{}' })],
    ['a broken claim', tokenOf({ ac: '[' })],
    ['a claim that names no ref, as Gitea and Forgejo make it', token(['', 2])],
  ])('%s: the event decides', (_, env) => {
    expect(readTokenScopes(env)).toBeUndefined();
    expect(access(push, env)).toEqual({
      read: { allowed: true },
      write: { allowed: true },
      readRefs: ['refs/heads/topic', 'refs/heads/main'],
      writeRef: 'refs/heads/topic',
    });
  });

  test('a line that is none is left out', () => {
    const env = tokenOf({
      ac: JSON.stringify([null, { Scope: 1 }, { Scope: 'refs/heads/a', Permission: 3 }]),
    });
    expect(readTokenScopes(env)).toEqual([{ ref: 'refs/heads/a', read: true, write: true }]);
  });
});

describe('whether an event writes', () => {
  test.each([
    ['push', true],
    ['schedule', true],
    ['workflow_dispatch', true],
    ['repository_dispatch', true],
    ['merge_group', true],
    ['release', true],
    ['issue_comment', false],
    ['workflow_run', false],
    ['pull_request_target', false],
    ['deployment_status', false],
  ])('%s on the default branch: %s', (eventName, allowed) => {
    const { write } = access(onMain(eventName));
    expect(write.allowed).toBe(allowed);
    if (!write.allowed)
      expect(write.reason).toBe(`the event '${eventName}' only reads the default branch's cache`);
  });

  test.each(['issue_comment', 'workflow_run', 'create'])('%s on another ref writes there', eventName => {
    expect(access({ ...push, eventName }).write.allowed).toBe(true);
  });

  test('an unusual event whose default branch is not known only reads', () => {
    expect(access({ ...push, eventName: 'issue_comment', defaultRef: undefined }).write.allowed).toBe(false);
  });

  test('a pull request cannot write what the default branch reads', () => {
    const { write, writeRef } = access(pull);
    expect(write.allowed).toBe(true);
    expect(access(onMain('push')).readRefs).not.toContain(writeRef);
  });

  test.each(['repository', 'bucket'] as const)('under scope %s a pull request only reads', scope => {
    for (const env of [{}, { ACTIONS_CACHE_MODE: 'write' }, token(['refs/pull/7/merge', 3])]) {
      const { read, write } = access(pull, env, scope);
      expect(read.allowed).toBe(true);
      expect(write).toEqual({ allowed: false, reason: `with scope '${scope}' a pull request only reads` });
    }
    expect(access(push, {}, scope).write.allowed).toBe(true);
  });
});

describe('ACTIONS_CACHE_MODE', () => {
  test.each([
    ['none', false, false],
    ['read', true, false],
    ['write', true, true],
    ['write-only', false, true],
    ['', true, true],
    ['future', true, true],
  ])('%j: read %s, write %s', (mode, read, write) => {
    const decided = access(push, { ACTIONS_CACHE_MODE: mode });
    expect([decided.read.allowed, decided.write.allowed]).toEqual([read, write]);
    if (!decided.write.allowed) expect(decided.write.reason).toBe(`ACTIONS_CACHE_MODE is ${mode}`);
  });

  test('write goes before the rules for events', () => {
    expect(access(onMain('issue_comment'), { ACTIONS_CACHE_MODE: 'write' }).write.allowed).toBe(true);
    expect(access(onMain('issue_comment'), { ACTIONS_CACHE_MODE: 'future' }).write.allowed).toBe(false);
  });
});

describe('without a bucket', () => {
  test.each([
    ['an event that anyone may cause', onMain('issue_comment'), {}],
    ['a token that only reads', push, token(['refs/heads/main', 1])],
    ['a token that names no cache', push, token()],
  ])('%s: GitHub’s service decides', (_, context, env) => {
    expect(githubAccess(context, env)).toEqual({
      read: { allowed: true },
      write: { allowed: true },
      readRefs: [context.ref],
      writeRef: context.ref,
    });
  });

  test.each([
    ['none', false, false],
    ['read', true, false],
    ['write', true, true],
    ['write-only', false, true],
  ])('ACTIONS_CACHE_MODE %s: read %s, write %s', (mode, read, write) => {
    const decided = githubAccess(push, { ACTIONS_CACHE_MODE: mode });
    expect([decided.read.allowed, decided.write.allowed]).toEqual([read, write]);
  });
});

describe('decideSave', () => {
  test.each([
    ['success', false, true],
    ['', false, true],
    ['failure', false, false],
    ['failure', true, true],
    ['cancelled', false, false],
    ['cancelled', true, false],
  ])('job %j with save-always %s: %s', (status, always, allowed) => {
    expect(decideSave(status, always).allowed).toBe(allowed);
  });
});
