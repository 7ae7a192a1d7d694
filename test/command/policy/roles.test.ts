import { expect, test } from 'vitest';
import {
  bucketArn,
  permissionsOf,
  ROLE_KINDS,
  type RoleKind,
  runsOf,
} from '../../../src/command/policy/roles.ts';
import { optionsOf } from './given-options.ts';

const REPOSITORY = 'ci-cache/cache-s3/v1/your-org/your-repo/';
const MARKERS = 'ci-cache/cache-s3/used/v1/~/your-org/your-repo/';

/** Returns the names that a role may do an action to, or that it is denied. */
function resources(kind: RoleKind, action: string, effect: 'Allow' | 'Deny' = 'Allow', recordUse = false) {
  const statements = permissionsOf(kind, optionsOf({ recordUse }));
  const found = statements.filter(({ Effect, Action }) => Effect === effect && Action.includes(action));
  return found.flatMap(({ Resource = [] }) => Resource).map(name => name.replace(/^arn:aws:s3:::/, ''));
}

test('no role has a condition on the ref without one on the event', () => {
  for (const kind of ROLE_KINDS) {
    const { refs, events } = runsOf(kind, optionsOf());
    expect(events !== undefined, kind).toBe(refs !== undefined);
  }
});

test('no run of a pull request may take a role that writes outside of pull requests', () => {
  const ofPulls = ROLE_KINDS.filter(kind => runsOf(kind, optionsOf()).events?.includes('pull_request'));
  expect(ofPulls).toEqual(['pulls']);
  const ofTargets = ROLE_KINDS.filter(kind =>
    runsOf(kind, optionsOf()).events?.includes('pull_request_target'),
  );
  expect(ofTargets).toEqual(['prune-pulls']);
});

test('the roles write only their places, and none but the pruning roles deletes', () => {
  expect(resources('read', 's3:PutObject')).toEqual([]);
  expect(resources('main', 's3:PutObject')).toEqual([`${REPOSITORY}refs=2Fheads=2Fmain/*`]);
  expect(resources('branches', 's3:PutObject')).toEqual([`${REPOSITORY}refs=2Fheads=2F*`]);
  expect(resources('branches', 's3:PutObject', 'Deny')).toEqual([`${REPOSITORY}refs=2Fheads=2Fmain/*`]);
  expect(resources('pulls', 's3:PutObject')).toEqual([`${REPOSITORY}refs=2Fpull=2F*`]);
  for (const kind of ['read', 'main', 'branches', 'pulls'] as const) {
    expect(resources(kind, 's3:DeleteObject'), kind).toEqual([]);
  }
  expect(resources('prune', 's3:DeleteObject')).toEqual([`${REPOSITORY}*`, `${MARKERS}*`]);
  expect(resources('prune-pulls', 's3:DeleteObject')).toEqual([
    `${REPOSITORY}refs=2Fpull=2F*`,
    `${MARKERS}refs=2Fpull=2F*`,
  ]);
});

test('the roles that prune abort unfinished uploads, and list their parts first', () => {
  for (const action of ['s3:AbortMultipartUpload', 's3:ListMultipartUploadParts']) {
    expect(resources('prune', action), action).toEqual([`${REPOSITORY}*`]);
    expect(resources('prune-pulls', action), action).toEqual([`${REPOSITORY}refs=2Fpull=2F*`]);
  }
});

test('all roles read the repository', () => {
  for (const kind of ROLE_KINDS) expect(resources(kind, 's3:GetObject'), kind).toContain(`${REPOSITORY}*`);
});

test('the roles list the repository, and those that prune list the markers too', () => {
  const prefixes = (kind: RoleKind) =>
    permissionsOf(kind, optionsOf()).find(({ Action }) => Action.includes('s3:ListBucket'))?.Condition;
  expect(prefixes('main')).toEqual({
    StringLikeIfExists: { 's3:prefix': ['cache-s3/v1/your-org/your-repo/*'] },
  });
  expect(prefixes('prune-pulls')).toEqual({
    StringLikeIfExists: {
      's3:prefix': ['cache-s3/v1/your-org/your-repo/*', 'cache-s3/used/v1/~/your-org/your-repo/*'],
    },
  });
});

test('the roles note the last use of a cache only if the operator has chosen that', () => {
  expect(resources('read', 's3:PutObject', 'Allow', true)).toEqual([`${MARKERS}*`]);
  expect(resources('main', 's3:PutObject', 'Allow', true)).toContain(`${MARKERS}*`);
});

test('the ARN of a bucket has the tenant that its name begins with', () => {
  expect(bucketArn('ci-cache')).toBe('arn:aws:s3:::ci-cache');
  expect(bucketArn('ci:cache')).toBe('arn:aws:s3::ci:cache');
});
