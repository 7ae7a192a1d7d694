import { ROLE_KINDS, type RoleKind } from '../../src/command/policy/roles.ts';
import type { PolicyOptions } from '../../src/command/policy/servers.ts';
import type { RoleGateway } from '../support/gateway/role-gateway.ts';

/** The runs of a repository, and the rights that the store gives to each of them, whatever its code does. */

export const REPOSITORY = 'octo/demo';
const AUDIENCE = 'sts.amazonaws.com';

export interface Run {
  readonly name: string;
  readonly event: string;
  readonly ref: string;
  /** Another repository than `REPOSITORY`. */
  readonly repository?: string;
  /** The parts of the event's payload that the action reads. */
  readonly payload?: object;
  /** The code comes from a fork: GitHub gives the run no token. */
  readonly fork?: boolean;
  /** The roles that the run can take. */
  readonly roles: readonly RoleKind[];
  /** The results of the action's own restore and save. */
  readonly restore: 'hit' | 'none';
  readonly save: 'saved' | 'skipped';
}

const main = 'refs/heads/main';
const pullRequest = (repository: string) => ({
  number: 7,
  pull_request: { base: { ref: 'main' }, head: { repo: { full_name: repository } } },
});

/** Makes a run that restores and does not save. */
function run(
  name: string,
  event: string,
  ref: string,
  roles: readonly RoleKind[],
  more: Partial<Run> = {},
): Run {
  return { name, event, ref, roles, restore: 'hit', save: 'skipped', ...more };
}

const saved = { save: 'saved' } as const;

export const RUNS: readonly Run[] = [
  run('push to main', 'push', main, ['read', 'main', 'branches'], saved),
  run('push to a branch', 'push', 'refs/heads/feature', ['read', 'branches'], saved),
  run('pull request', 'pull_request', 'refs/pull/7/merge', ['read', 'pulls'], {
    payload: pullRequest(REPOSITORY),
    ...saved,
  }),
  run('fork', 'pull_request', 'refs/pull/8/merge', [], {
    payload: pullRequest('someone/demo'),
    fork: true,
    restore: 'none',
  }),
  run('merge group', 'merge_group', 'refs/heads/gh-readonly-queue/main/pr-7-0123abc', ['read', 'branches'], {
    payload: { merge_group: { base_ref: main } },
    ...saved,
  }),
  run('schedule', 'schedule', main, ['read', 'main', 'prune'], saved),
  run('workflow_dispatch', 'workflow_dispatch', main, ['read', 'main', 'branches', 'prune'], saved),
  run('issue_comment', 'issue_comment', main, ['read']),
  run('workflow_run', 'workflow_run', main, ['read']),
  run('pull_request_target', 'pull_request_target', main, ['read', 'prune-pulls'], {
    payload: pullRequest('someone/demo'),
  }),
  run('tag', 'push', 'refs/tags/v1', ['read']),
  run('another repository', 'push', main, [], { repository: 'octo/other', restore: 'none' }),
];

/** Runs of further events, of which only the store's decision is tried: the action treats them like those above. */
export const FURTHER_RUNS: readonly Run[] = [
  run('delete of a branch', 'delete', main, ['read', 'prune']),
  run('repository_dispatch', 'repository_dispatch', main, ['read']),
  run('release', 'release', 'refs/tags/v1', ['read']),
];

/** Returns the claims of the run's token, as GitHub makes it. */
export function claimsOf({ event, ref, repository = REPOSITORY }: Run): Record<string, string> {
  return {
    aud: AUDIENCE,
    sub: `repo:${repository}:${event === 'pull_request' ? 'pull_request' : `ref:${ref}`}`,
    repository,
    repository_id: repository === REPOSITORY ? '4711' : '4712',
    ref,
    event_name: event,
  };
}

/** Returns the options with which the operator has made the roles. */
export function policyOptions({ gateway, issuer }: RoleGateway, bucket: string): PolicyOptions {
  return {
    server: 'rgw',
    kinds: ROLE_KINDS,
    bucket,
    prefix: 'cache-s3',
    repository: REPOSITORY,
    repositoryId: '4711',
    defaultBranch: 'main',
    recordUse: false,
    issuer: issuer.endpoint,
    audience: AUDIENCE,
    rolePrefix: 'cache',
    account: '',
    ownerId: '',
    environment: '',
    thumbprints: [issuer.thumbprint],
    endpoint: gateway.endpoint,
  };
}

/** Returns the ARN of a role of these options. */
export function arnOf(kind: RoleKind): string {
  return `arn:aws:iam:::role/cache-${kind}`;
}

/** Returns the role for the save of a run, by the expression that the script prints for a workflow. */
export function saveRole({ event, ref }: Run): RoleKind {
  if (event === 'pull_request') return 'pulls';
  return ref === main ? 'main' : 'branches';
}
