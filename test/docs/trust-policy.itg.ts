import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { AwsCredentialIdentity, AwsCredentialIdentityProvider } from '@smithy/types';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/retry/clock.ts';
import { TIME_LIMITS, TimeLimits } from '../../src/retry/time-limits.ts';
import { SdkRequestHandler } from '../../src/storage/s3/calls/sdk-request-handler.ts';
import { credentialsFor } from '../../src/storage/s3/credentials/credentials.ts';
import { readConnectionSettings } from '../../src/storage/s3/transport/agents.ts';
import { Transport } from '../../src/storage/s3/transport/transport.ts';
import { createS3Settings, openStore } from '../storage/s3/support.ts';
import { callIam } from '../support/gateway/iam.ts';
import { type RoleGateway, startRoleGateway } from '../support/gateway/role-gateway.ts';
import { jsonBlocks } from './documents.ts';

/** Applies the trust policy of docs/threat-model.md to a role of a real gateway, and logs in with tokens of an issuer. */

let roles: RoleGateway;
let directory: string;

beforeAll(async () => {
  directory = mkdtempSync(path.join(tmpdir(), 'cache-s3-trust-'));
  roles = await startRoleGateway();
  const { gateway, issuer } = roles;
  await callIam(gateway, {
    Action: 'CreateOpenIDConnectProvider',
    Url: issuer.endpoint,
    'ClientIDList.member.1': 'your-audience',
    'ThumbprintList.member.1': issuer.thumbprint,
  });
  const policy = jsonBlocks('docs/threat-model.md', "Conditions on a run's identity")[0]!;
  const trust = policy.replaceAll('token.actions.githubusercontent.com', new URL(issuer.endpoint).host);
  await gateway.admin(['role', 'create', '--role-name=ci-main', `--assume-role-policy-doc=${trust}`]);
  const rights = JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: ['s3:PutObject'], Resource: 'arn:aws:s3:::*/cache-s3/*' }],
  });
  await gateway.admin([
    ...['role-policy', 'put', '--role-name=ci-main', '--policy-name=p'],
    `--policy-doc=${rights}`,
  ]);
});
afterAll(async () => {
  rmSync(directory, { recursive: true });
  await roles.stop();
});

/** A run of the default branch, as GitHub describes it. */
const PUSH = {
  aud: 'your-audience',
  sub: 'repo:your-org/your-repo:ref:refs/heads/main',
  repository: 'your-org/your-repo',
  repository_id: '123456789',
  ref: 'refs/heads/main',
  event_name: 'push',
};

/** Logs in with a token, as the action does with AWS_WEB_IDENTITY_TOKEN_FILE. */
async function logIn(claims: Readonly<Record<string, string>>): Promise<AwsCredentialIdentity> {
  const tokenFile = path.join(directory, randomBytes(4).toString('hex'));
  const { gateway, issuer } = roles;
  writeFileSync(tokenFile, issuer.tokenWith(claims));
  const environment = {
    HOME: directory,
    AWS_WEB_IDENTITY_TOKEN_FILE: tokenFile,
    AWS_ROLE_ARN: 'arn:aws:iam:::role/ci-main',
    AWS_ENDPOINT_URL_STS: gateway.endpoint,
    AWS_SHARED_CREDENTIALS_FILE: path.join(directory, 'none'),
    AWS_CONFIG_FILE: path.join(directory, 'none'),
  };
  const transport = new Transport(readConnectionSettings({ caFile: undefined, environment }), systemClock);
  const limits = new TimeLimits(systemClock, TIME_LIMITS);
  const provider = credentialsFor(
    createS3Settings({ credentials: undefined, region: gateway.region, environment }),
    {
      clock: systemClock,
      stsHandler: () => new SdkRequestHandler(transport, limits, 'cache-s3/test'),
      mask: () => {},
    },
  ) as AwsCredentialIdentityProvider;
  try {
    return await provider();
  } finally {
    transport.close();
  }
}

describe('the trust policy in docs/threat-model.md', () => {
  it('gives a push to the default branch keys, which are limited by the policy of the role', async () => {
    const { gateway } = roles;
    const { accessKeyId, secretAccessKey, sessionToken } = await logIn(PUSH);
    const store = openStore({
      endpoint: new URL(gateway.endpoint),
      region: gateway.region,
      bucket: gateway.bucket,
      credentials: { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) },
    });
    const save = async (name: string) => {
      const upload = store.createUpload(name, { onlyIfAbsent: false, partSizeBytes: 5 * 1024 * 1024 });
      await upload.write(Buffer.from(name));
      await upload.complete();
    };
    await save('cache-s3/x');
    await expect(save('elsewhere/x')).rejects.toMatchObject({ name: 'StoreRefusedError' });
    store.close();
  });

  it('accepts the subject of a repository that was created after July 2026', async () => {
    const sub = 'repo:your-org@1/your-repo@123456789:ref:refs/heads/main';
    expect(await logIn({ ...PUSH, sub })).toMatchObject({ sessionToken: expect.any(String) });
  });

  it.each<[string, Partial<typeof PUSH>]>([
    ['a comment has triggered', { event_name: 'issue_comment' }],
    ['another workflow has triggered', { event_name: 'workflow_run' }],
    ['is of a pull request', { event_name: 'pull_request', ref: 'refs/pull/7/merge' }],
    ['is of a pull request and has secrets', { event_name: 'pull_request_target' }],
    ['is on another branch', { ref: 'refs/heads/main2' }],
    ['is of the next owner of the repository’s name', { repository_id: '987654321' }],
    ['has a token for another service', { aud: 'sts.amazonaws.com' }],
  ])('gives no keys to a run that %s', async (_, claims) => {
    await expect(logIn({ ...PUSH, ...claims })).rejects.toThrow('web identity: 403');
  });
});
