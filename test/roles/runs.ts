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

export const RUNS: readonly Run[] = [
  {
    name: 'push to main',
    event: 'push',
    ref: main,
    roles: ['read', 'main', 'branches'],
    restore: 'hit',
    save: 'saved',
  },
  {
    name: 'push to a branch',
    event: 'push',
    ref: 'refs/heads/feature',
    roles: ['read', 'branches'],
    restore: 'hit',
    save: 'saved',
  },
  {
    name: 'pull request',
    event: 'pull_request',
    ref: 'refs/pull/7/merge',
    payload: pullRequest(REPOSITORY),
    roles: ['read', 'pulls'],
    restore: 'hit',
    save: 'saved',
  },
  {
    name: 'fork',
    event: 'pull_request',
    ref: 'refs/pull/8/merge',
    payload: pullRequest('someone/demo'),
    fork: true,
    roles: [],
    restore: 'none',
    save: 'skipped',
  },
  {
    name: 'merge group',
    event: 'merge_group',
    ref: 'refs/heads/gh-readonly-queue/main/pr-7-0123abc',
    payload: { merge_group: { base_ref: main } },
    roles: ['read', 'branches'],
    restore: 'hit',
    save: 'saved',
  },
  {
    name: 'schedule',
    event: 'schedule',
    ref: main,
    roles: ['read', 'main', 'prune'],
    restore: 'hit',
    save: 'saved',
  },
  {
    name: 'workflow_dispatch',
    event: 'workflow_dispatch',
    ref: main,
    roles: ['read', 'main', 'branches', 'prune'],
    restore: 'hit',
    save: 'saved',
  },
  {
    name: 'issue_comment',
    event: 'issue_comment',
    ref: main,
    roles: ['read'],
    restore: 'hit',
    save: 'skipped',
  },
  {
    name: 'workflow_run',
    event: 'workflow_run',
    ref: main,
    roles: ['read'],
    restore: 'hit',
    save: 'skipped',
  },
  {
    name: 'pull_request_target',
    event: 'pull_request_target',
    ref: main,
    payload: pullRequest('someone/demo'),
    roles: ['read', 'prune-pulls'],
    restore: 'hit',
    save: 'skipped',
  },
  { name: 'tag', event: 'push', ref: 'refs/tags/v1', roles: ['read'], restore: 'hit', save: 'skipped' },
  {
    name: 'another repository',
    event: 'push',
    ref: main,
    repository: 'octo/other',
    roles: [],
    restore: 'none',
    save: 'skipped',
  },
];

/** Runs of further events, of which only the store's decision is tried: the action treats them like those above. */
export const FURTHER_RUNS: readonly Run[] = [
  {
    name: 'delete of a branch',
    event: 'delete',
    ref: main,
    roles: ['read', 'prune'],
    restore: 'hit',
    save: 'skipped',
  },
  {
    name: 'repository_dispatch',
    event: 'repository_dispatch',
    ref: main,
    roles: ['read'],
    restore: 'hit',
    save: 'skipped',
  },
  {
    name: 'release',
    event: 'release',
    ref: 'refs/tags/v1',
    roles: ['read'],
    restore: 'hit',
    save: 'skipped',
  },
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
