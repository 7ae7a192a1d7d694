import { describe, expect, test } from 'vitest';
import { decideAccess, decideSave, githubAccess } from '../../../src/action/run/policy.ts';
import type { RunContext } from '../../../src/action/run/run-context.ts';
import type { TokenScope } from '../../../src/action/run/token.ts';
import type { Scope } from '../../../src/cache/keys/scope.ts';

const push: RunContext = {
  eventName: 'push',
  ref: 'refs/heads/topic',
  repository: 'octo/app',
  defaultRef: 'refs/heads/main',
  baseRef: undefined,
  isPullRequest: false,
  isFromFork: false,
  tokenScopes: undefined,
  cacheMode: '',
  workspace: '/work/app',
  home: '/home/me',
  runId: '42',
  runAttempt: '1',
  sha: '0123abc',
};
const pull: RunContext = {
  ...push,
  eventName: 'pull_request',
  ref: 'refs/pull/7/merge',
  baseRef: 'refs/heads/dev',
  isPullRequest: true,
};
const onMain = (eventName: string): RunContext => ({ ...push, eventName, ref: 'refs/heads/main' });

const token = (...scopes: [ref: string, rights: 'r' | 'w' | 'rw'][]): Partial<RunContext> => ({
  tokenScopes: scopes.map(
    ([ref, rights]): TokenScope => ({ ref, mayRead: rights.includes('r'), mayWrite: rights.includes('w') }),
  ),
});

const access = (context: RunContext, more: Partial<RunContext> = {}, scope: Scope = 'ref') =>
  decideAccess({ ...context, ...more }, scope);

describe('the refs that a run without a token reads', () => {
  test.each([
    [
      'a branch reads its own cache, then that of the default branch',
      push,
      ['refs/heads/topic', 'refs/heads/main'],
    ],
    ['the default branch reads its own cache once', onMain('push'), ['refs/heads/main']],
    [
      'a pull request reads its own cache, then those of its base and of the default branch',
      pull,
      ['refs/pull/7/merge', 'refs/heads/dev', 'refs/heads/main'],
    ],
    [
      'a merge group reads its own cache, then those of its base and of the default branch',
      {
        ...push,
        eventName: 'merge_group',
        ref: 'refs/heads/gh-readonly-queue/dev/pr-7',
        baseRef: 'refs/heads/dev',
      },
      ['refs/heads/gh-readonly-queue/dev/pr-7', 'refs/heads/dev', 'refs/heads/main'],
    ],
    [
      'a tag reads its own cache, then that of the default branch',
      { ...push, ref: 'refs/tags/v1' },
      ['refs/tags/v1', 'refs/heads/main'],
    ],
    [
      'a branch reads only its own cache if the default branch is not known',
      { ...push, defaultRef: undefined },
      ['refs/heads/topic'],
    ],
  ])('%s', (_, context, refs) => {
    expect(access(context).readRefs).toEqual(refs);
    expect(access(context).writeRef).toBe(context.ref);
  });
});

describe('the rights that the run’s token gives', () => {
  const scopes = token(['refs/heads/main', 'r'], ['refs/heads/dev', 'r'], ['refs/pull/7/merge', 'rw']);

  test('a pull request reads the refs of its token in the order of the event', () => {
    expect(access(pull, scopes)).toEqual({
      read: { isAllowed: true },
      write: { isAllowed: true },
      readRefs: ['refs/pull/7/merge', 'refs/heads/dev', 'refs/heads/main'],
      writeRef: 'refs/pull/7/merge',
    });
  });

  test('a ref that the token does not contain is not read', () => {
    expect(access(pull, token(['refs/heads/dev', 'r'])).readRefs).toEqual(['refs/heads/dev']);
  });

  test('a ref that only the token contains is read last', () => {
    const more = token(['refs/heads/other', 'r'], ['refs/heads/main', 'r'], ['refs/heads/topic', 'rw']);
    expect(access(push, more).readRefs).toEqual(['refs/heads/topic', 'refs/heads/main', 'refs/heads/other']);
  });

  test('a run saves to the ref that its token lets it write', () => {
    const { writeRef } = access(push, token(['refs/heads/main', 'r'], ['refs/heads/lent', 'w']));
    expect(writeRef).toBe('refs/heads/lent');
  });

  test('a run whose token has no write right saves nothing', () => {
    expect(access(push, token(['refs/heads/topic', 'r'])).write).toEqual({
      isAllowed: false,
      reason: "the run's token gives no right to write a cache",
    });
  });

  test('a run whose token has no scope neither reads nor saves', () => {
    const none = access(push, token());
    expect(none.read).toEqual({ isAllowed: false, reason: "the run's token gives no right to read a cache" });
    expect(none.write.isAllowed).toBe(false);
  });
});

describe('the events that save without a token', () => {
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
  ])('the event %s on the default branch may save: %s', (eventName, allowed) => {
    const { write } = access(onMain(eventName));
    expect(write.isAllowed).toBe(allowed);
    if (!write.isAllowed)
      expect(write.reason).toBe(`the event '${eventName}' may only read the default branch's cache`);
  });

  test.each(['issue_comment', 'workflow_run', 'create'])(
    'the event %s on another ref saves to that ref',
    eventName => {
      expect(access({ ...push, eventName }).write.isAllowed).toBe(true);
    },
  );

  test('an event of other users only reads if the default branch is not known', () => {
    expect(access({ ...push, eventName: 'issue_comment', defaultRef: undefined }).write.isAllowed).toBe(
      false,
    );
  });

  test('a pull request saves to a ref that the default branch does not read', () => {
    const { write, writeRef } = access(pull);
    expect(write.isAllowed).toBe(true);
    expect(access(onMain('push')).readRefs).not.toContain(writeRef);
  });

  test.each(['repository', 'bucket'] as const)('with scope %s a pull request only reads', scope => {
    for (const more of [{}, { cacheMode: 'write' }, token(['refs/pull/7/merge', 'rw'])]) {
      const { read, write } = access(pull, more, scope);
      expect(read.isAllowed).toBe(true);
      expect(write).toEqual({
        isAllowed: false,
        reason: `with scope '${scope}' a pull request may only read`,
      });
    }
    expect(access(push, {}, scope).write.isAllowed).toBe(true);
  });

  test.each(['repository', 'bucket'] as const)(
    'with scope %s an event of other users only reads, although its token may write to the default branch',
    scope => {
      const mayWrite = token(['refs/heads/main', 'rw']);
      expect(access(onMain('issue_comment'), mayWrite, scope).write).toEqual({
        isAllowed: false,
        reason: "the event 'issue_comment' may only read the default branch's cache",
      });
      expect(access(onMain('push'), mayWrite, scope).write.isAllowed).toBe(true);
      expect(access(onMain('push'), token(['refs/heads/main', 'r']), scope).write.isAllowed).toBe(false);
    },
  );

  test('with scope ref the token decides, as in GitHub’s own cache', () => {
    expect(access(onMain('issue_comment'), token(['refs/heads/main', 'rw'])).write.isAllowed).toBe(true);
  });

  test('a pull request that has been merged saves to the branch that it was merged into', () => {
    const { write, writeRef } = access(pull, { ref: 'refs/heads/main' });
    expect(write.isAllowed).toBe(true);
    expect(writeRef).toBe('refs/heads/main');
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
  ])('in mode %j a push may read: %s, and save: %s', (cacheMode, read, write) => {
    const decided = access(push, { cacheMode });
    expect([decided.read.isAllowed, decided.write.isAllowed]).toEqual([read, write]);
    if (!decided.write.isAllowed) expect(decided.write.reason).toBe(`ACTIONS_CACHE_MODE is ${cacheMode}`);
  });

  test.each(['write', 'write-only', 'future', ''])(
    'mode %j grants no right that the event does not give',
    cacheMode => {
      expect(access(onMain('issue_comment'), { cacheMode }).write.isAllowed).toBe(false);
      const readOnly = { cacheMode, ...token(['refs/heads/main', 'r']) };
      expect(access(onMain('push'), readOnly).write.isAllowed).toBe(false);
    },
  );
});

describe('githubAccess', () => {
  test.each([
    ['an event that any user can trigger', onMain('issue_comment'), {}],
    ['a token without a write right', push, token(['refs/heads/main', 'r'])],
    ['a token without a scope', push, token()],
  ])('without a bucket, %s is left to GitHub’s service', (_, context, more) => {
    expect(githubAccess({ ...context, ...more })).toEqual({
      read: { isAllowed: true },
      write: { isAllowed: true },
      readRefs: [context.ref],
      writeRef: context.ref,
    });
  });

  test.each([
    ['none', false, false],
    ['read', true, false],
    ['write', true, true],
    ['write-only', false, true],
  ])('without a bucket, in mode %s a run may read: %s, and save: %s', (cacheMode, read, write) => {
    const decided = githubAccess({ ...push, cacheMode });
    expect([decided.read.isAllowed, decided.write.isAllowed]).toEqual([read, write]);
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
  ])('after a job with status %j and save-always %s, the post step saves: %s', (status, always, allowed) => {
    expect(decideSave(status, always).isAllowed).toBe(allowed);
  });
});
