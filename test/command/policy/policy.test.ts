import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { CommandError } from '../../../src/command/command-error.ts';
import { createOutput } from '../../../src/command/output/output.ts';
import { type PolicyArguments, parsePolicyOptions, printPolicy } from '../../../src/command/policy/policy.ts';
import { ROLE_KINDS, type Statement } from '../../../src/command/policy/roles.ts';
import { policyScript } from '../../../src/command/policy/script.ts';
import { defineRoles, minioPolicy, type RoleDefinition } from '../../../src/command/policy/servers.ts';
import { posix, requires } from '../../support/platform-needs.ts';
import { memoryStreams } from '../support.ts';

const ENV = { CACHE_S3_BUCKET: 'ci-cache', CACHE_S3_ENDPOINT: 'https://rgw.example:8443' };
const GIVEN: PolicyArguments = {
  server: 'rgw',
  repository: 'your-org/your-repo',
  repositoryId: '123456789',
  roles: ['read', 'main'],
  defaultBranch: 'main',
  issuer: 'https://token.actions.githubusercontent.com',
};
const AWS = { server: 'aws', account: '123456789012' } as const;

const optionsOf = (given: Partial<PolicyArguments> = {}, env: Record<string, string> = ENV) =>
  parsePolicyOptions(env, { ...GIVEN, ...given });
const roleOf = (kind: RoleDefinition['kind'], given: Partial<PolicyArguments> = {}) =>
  defineRoles(optionsOf({ roles: ROLE_KINDS, ...given })).find(role => role.kind === kind)!;

/** The conditions of who may take a role, without the name of the issuer. */
function conditions(kind: RoleDefinition['kind'], given: Partial<PolicyArguments> = {}) {
  const [statement] = roleOf(kind, given).trust.Statement;
  return JSON.parse(
    JSON.stringify(statement?.Condition).replaceAll('token.actions.githubusercontent.com:', ''),
  );
}

/** The names that a role may do an action to. */
function resources(kind: RoleDefinition['kind'], action: string, given: Partial<PolicyArguments> = {}) {
  const allows = ({ Effect, Action }: Statement) => Effect === 'Allow' && Action.includes(action);
  const found = roleOf(kind, given).permissions.Statement.filter(allows);
  return found.flatMap(({ Resource = [] }) => Resource).map(name => name.replace(/^arn:aws:s3:::/, ''));
}

const REPOSITORY = 'ci-cache/cache-s3/v1/your-org/your-repo/';

describe('the roles', () => {
  test('of RADOS Gateway are taken by the claims of the token', () => {
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

  test('never have a condition on the ref without one on the event', () => {
    for (const kind of ROLE_KINDS) {
      const { StringEquals, StringLike } = conditions(kind);
      const hasRef = 'ref' in StringEquals || 'ref' in (StringLike ?? {});
      expect('event_name' in StringEquals, kind).toBe(hasRef);
    }
  });

  test('write only their places, and none but the pruning roles deletes', () => {
    expect(resources('read', 's3:PutObject')).toEqual([]);
    expect(resources('main', 's3:PutObject')).toEqual([`${REPOSITORY}refs=2Fheads=2Fmain/*`]);
    expect(resources('branches', 's3:PutObject')).toEqual([`${REPOSITORY}refs=2Fheads=2F*`]);
    expect(resources('pulls', 's3:PutObject')).toEqual([`${REPOSITORY}refs=2Fpull=2F*`]);
    for (const kind of ['read', 'main', 'branches', 'pulls'] as const) {
      expect(resources(kind, 's3:DeleteObject'), kind).toEqual([]);
    }
    expect(resources('prune-pulls', 's3:DeleteObject')).toEqual([
      `${REPOSITORY}refs=2Fpull=2F*`,
      'ci-cache/cache-s3/used/v1/~/your-org/your-repo/refs=2Fpull=2F*',
    ]);
  });

  test('that prune abort unfinished uploads, and list their parts first', () => {
    for (const action of ['s3:AbortMultipartUpload', 's3:ListMultipartUploadParts']) {
      expect(resources('prune', action), action).toEqual([`${REPOSITORY}*`]);
      expect(resources('prune-pulls', action), action).toEqual([`${REPOSITORY}refs=2Fpull=2F*`]);
    }
  });

  test('all read the repository', () => {
    for (const kind of ROLE_KINDS) expect(resources(kind, 's3:GetObject'), kind).toContain(`${REPOSITORY}*`);
  });

  test('note the last use only if the operator has chosen that', () => {
    const markers = 'ci-cache/cache-s3/used/v1/~/your-org/your-repo/*';
    expect(resources('read', 's3:PutObject', { recordUse: true })).toEqual([markers]);
    expect(resources('main', 's3:PutObject', { recordUse: true })).toContain(markers);
  });

  test('of AWS are taken by subject, in both of its forms, and by the ids that AWS has keys for', () => {
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

  test('of MinIO are one policy, in which only the default branch writes its place', () => {
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

  test('of another default branch, prefix, audience and tenant', () => {
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
});

describe('the script', () => {
  const scriptOf = (server: PolicyArguments['server']) =>
    policyScript(optionsOf({ server, roles: ROLE_KINDS, ...(server === 'aws' ? AWS : {}) }));

  test.each(['rgw', 'aws', 'minio'] as const)('of %s is a shell script', requires(posix), server => {
    execFileSync('bash', ['-n', '-c', scriptOf(server)]);
  });

  test.each(['rgw', 'aws', 'minio'] as const)('of %s has JSON that the shell passes on as it is', server => {
    const texts = [...scriptOf(server).matchAll(/(?:trust=|-doc=|-document |printf '%s\\n' )'([^']*)'/g)];
    expect(texts.length).toBeGreaterThan(0);
    for (const [, text] of texts) expect(() => JSON.parse(text!)).not.toThrow();
  });

  test.each([
    [['read', 'main'], 'arn:aws:iam:::role/cache-123456789-main'],
    [
      ['read', 'main', 'branches'],
      `\${{ github.ref == 'refs/heads/main' && 'arn:aws:iam:::role/cache-123456789-main' || 'arn:aws:iam:::role/cache-123456789-branches' }}`,
    ],
    [
      ['main', 'pulls'],
      `\${{ github.event_name == 'pull_request' && 'arn:aws:iam:::role/cache-123456789-pulls' || 'arn:aws:iam:::role/cache-123456789-main' }}`,
    ],
    [['pulls'], 'arn:aws:iam:::role/cache-123456789-pulls'],
  ] as const)('for the roles %j ends with the variables of the workflow', (roles, save) => {
    expect(policyScript(optionsOf({ roles }))).toContain(`CACHE_S3_ROLE_TO_ASSUME_FOR_SAVE: ${save}\n`);
  });

  describe('of rgw, where the provider lacks the audience', requires(posix), () => {
    /** Runs the script with programs that print their calls: `aws` has one provider, and fails for a call. */
    function runScript(failing: string, given: Partial<PolicyArguments> = {}) {
      const tools = mkdtempSync(path.join(tmpdir(), 'cache-s3-policy-'));
      onTestFinished(() => rmSync(tools, { recursive: true }));
      const programs = {
        'radosgw-admin': 'echo radosgw-admin >&2',
        curl: 'echo {}',
        jq: 'cat >/dev/null',
        aws: `case "$*" in *${failing}*) exit 254 ;; *ClientIDList*) echo 'one t*o' ;; *ThumbprintList*) echo none ;; *) echo "$4" >&2 ;; esac`,
      };
      for (const [name, command] of Object.entries(programs))
        writeFileSync(path.join(tools, name), `#!/bin/sh\n${command}\n`, { mode: 0o755 });
      const env = { PATH: `${tools}:${process.env.PATH}` };
      return spawnSync('sh', ['-c', policyScript(optionsOf(given))], { env, encoding: 'utf8' });
    }
    const thumbprint = ['a'.repeat(40)];

    test('a provider that cannot be created again ends the script with the command that creates it', () => {
      const { status, stderr } = runScript('create-open-id-connect-provider', { thumbprint });
      expect(status).toBe(1);
      expect(stderr).toBe(
        `delete-open-id-connect-provider
The provider of the tokens is deleted and could not be created again, so no run gets a role. Create it with: aws --endpoint-url https://rgw.example:8443 iam create-open-id-connect-provider --url https://token.actions.githubusercontent.com --thumbprint-list ${thumbprint[0]}  --client-id-list 'one' 't*o' 'sts.amazonaws.com'
`,
      );
    });

    test('a provider that cannot be deleted ends the script before anything is made', () => {
      const { status, stderr } = runScript('delete-open-id-connect-provider', { thumbprint });
      expect(status).not.toBe(0);
      expect(stderr).toBe('');
    });

    test('the provider stays if the key set of the issuer has no certificate', () => {
      const { status, stderr } = runScript('nothing');
      expect(status).toBe(1);
      expect(stderr).toBe(
        'The key set of the issuer has no certificate, so the provider is not changed. Use --thumbprint.\n',
      );
    });
  });

  test('of AWS warns beside the role that any push can take', () => {
    const warning = '# On AWS every push to a branch can take this role too.';
    expect(scriptOf('aws')).toContain(`caches of pull requests.\n${warning}`);
    expect(policyScript(optionsOf({ ...AWS, roles: ['read', 'prune'] }))).not.toContain(warning);
    expect(scriptOf('rgw')).not.toContain(warning);
  });

  test('is one JSON document with --json', async () => {
    const streams = memoryStreams();
    await printPolicy(ENV, createOutput({ json: true, ...streams }), GIVEN);
    expect(JSON.parse(streams.out())).toMatchObject({
      server: 'rgw',
      roles: [{ kind: 'read' }, { kind: 'main' }],
    });
  });
});

test.each<[Partial<PolicyArguments>, string]>([
  [{ repository: "o/r'; rm -rf /" }, '--repository'],
  [{ repository: 'o/*' }, '--repository'],
  [{ repositoryId: '*' }, '--repository-id'],
  [{ defaultBranch: '*' }, '--default-branch'],
  [{ defaultBranch: "a'b" }, '--default-branch'],
  [{ defaultBranch: 'refs/heads/main' }, '--default-branch'],
  [{ defaultBranch: '/main' }, '--default-branch'],
  [{ defaultBranch: 'main/' }, '--default-branch'],
  [{ defaultBranch: 'a$(b)' }, '--default-branch'],
  [{ issuer: 'https://issuer/"' }, '--issuer'],
  [{ audience: 'a b' }, '--audience'],
  [{ rolePrefix: 'a b' }, '--role-prefix'],
  [{ account: 'a/b' }, '--account'],
  [{ server: 'aws' }, '--account'],
  [{ thumbprint: ['x'] }, '--thumbprint'],
  [{ ownerId: 'x' }, '--owner-id'],
  [{ ...AWS, environment: '*' }, '--environment'],
  [{ environment: 'prod' }, '--environment'],
])('%j is refused by the name of the option', (given, option) => {
  expect(() => optionsOf(given)).toThrow(CommandError);
  expect(() => optionsOf(given)).toThrow(new RegExp(`^${option} is `));
});

test('a bucket and an endpoint are required', () => {
  expect(() => optionsOf({}, { CACHE_S3_ENDPOINT: 'https://x' })).toThrow(
    'No bucket is set: use --bucket or CACHE_S3_BUCKET.',
  );
  expect(() => optionsOf({}, { CACHE_S3_BUCKET: 'x' })).toThrow('--endpoint is ""');
});
