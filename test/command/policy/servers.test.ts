import { expect, test } from 'vitest';
import type { PolicyArguments } from '../../../src/command/policy/policy.ts';
import { ROLE_KINDS, type RoleKind } from '../../../src/command/policy/roles.ts';
import { defineRoles, minioPolicy } from '../../../src/command/policy/servers.ts';
import { AWS, ENV, optionsOf } from './given-options.ts';

/** Returns the conditions of who may take a role, without the name of the issuer. */
function conditions(kind: RoleKind, given: Partial<PolicyArguments> = {}) {
  const [role] = defineRoles(optionsOf({ roles: [kind], ...given }));
  return JSON.parse(
    JSON.stringify(role?.trust.Statement[0]?.Condition).replaceAll(
      'token.actions.githubusercontent.com:',
      '',
    ),
  );
}

test('roles of RADOS Gateway are taken by the claims of the token', () => {
  const common = { aud: 'sts.amazonaws.com', repository_id: '123456789' };
  expect(conditions('read')).toEqual({ StringEquals: common });
  expect(conditions('main')).toEqual({
    StringEquals: {
      ...common,
      ref: ['refs/heads/main'],
      event_name: ['push', 'schedule', 'workflow_dispatch'],
    },
  });
  expect(conditions('pulls')).toEqual({
    StringEquals: { ...common, event_name: ['pull_request'] },
    StringLike: { ref: ['refs/pull/*'] },
  });
});

test('roles of AWS are taken by subject, in both of its forms, and by the ids that AWS has keys for', () => {
  expect(conditions('main', AWS)).toEqual({
    StringEquals: { aud: 'sts.amazonaws.com', repository_id: '123456789', ref: ['refs/heads/main'] },
    StringLike: {
      sub: [
        'repo:your-org/your-repo:ref:refs/heads/main',
        'repo:your-org@*/your-repo@123456789:ref:refs/heads/main',
      ],
    },
  });
  expect(conditions('pulls', { ...AWS, ownerId: '7' }).StringLike.sub).toEqual([
    'repo:your-org/your-repo:pull_request',
    'repo:your-org@7/your-repo@123456789:pull_request',
  ]);
  expect(conditions('main', { ...AWS, environment: 'cache' })).toMatchObject({
    StringEquals: { environment: 'cache' },
    StringLike: { sub: expect.arrayContaining(['repo:your-org/your-repo:environment:cache']) },
  });
});

test('an environment of AWS limits the roles main and prune, and no other role', () => {
  const guarded = ROLE_KINDS.filter(
    kind => conditions(kind, { ...AWS, environment: 'cache' }).StringEquals.environment === 'cache',
  );
  expect(guarded).toEqual(['main', 'prune']);
});

test('roles of MinIO are one policy, in which only the default branch writes its place', () => {
  const { Statement } = minioPolicy(optionsOf({ server: 'minio', roles: ROLE_KINDS }));
  const [denied, ...others] = Statement.filter(({ Effect }) => Effect === 'Deny');
  expect(others).toEqual([]);
  expect(denied?.Condition).toEqual({
    StringNotLike: {
      'jwt:sub': [
        'repo:your-org/your-repo:ref:refs/heads/main',
        'repo:your-org@*/your-repo@123456789:ref:refs/heads/main',
      ],
    },
  });
  for (const { Condition } of Statement) expect(JSON.stringify(Condition)).toContain('"jwt:sub"');
});

test('roles have the default branch, prefix, audience and tenant of the options', () => {
  const given = { defaultBranch: 'trunk/2', audience: 'https://rgw.example', account: 'ci' };
  const [role] = defineRoles(
    optionsOf(
      { ...given, roles: ['main'] },
      { ...ENV, CACHE_S3_PREFIX: 'team/a', CACHE_S3_BUCKET: 'ci:cache' },
    ),
  );
  expect(role?.arn).toBe('arn:aws:iam::ci:role/cache-123456789-main');
  expect(JSON.stringify(role?.permissions)).toContain(
    '"arn:aws:s3::ci:cache/team/a/v1/your-org/your-repo/refs=2Fheads=2Ftrunk=2F2/*"',
  );
  expect(JSON.stringify(role?.trust)).toContain('"https://rgw.example"');
});
