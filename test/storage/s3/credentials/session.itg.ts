import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { AwsCredentialIdentity, AwsCredentialIdentityProvider } from '@smithy/types';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { systemClock } from '../../../../src/retry/clock.ts';
import { TIME_LIMITS, TimeLimits } from '../../../../src/retry/time-limits.ts';
import { SdkRequestHandler } from '../../../../src/storage/s3/calls/sdk-request-handler.ts';
import { credentialsFor } from '../../../../src/storage/s3/credentials/credentials.ts';
import { readConnectionSettings } from '../../../../src/storage/s3/transport/agents.ts';
import { Transport } from '../../../../src/storage/s3/transport/transport.ts';
import { type Gateway, startGateway } from '../../../support/gateway/gateway.ts';
import { createS3Settings, openStore } from '../support.ts';

const SESSION_SECONDS = 10;
const ROLE = 'arn:aws:iam:::role/ci';

let gateway: Gateway;
let directory: string;

beforeAll(async () => {
  gateway = await startGateway({
    rgwSettings: {
      'rgw sts key': 'abcdefghijklmnop',
      'rgw s3 auth use sts': 'true',
      'rgw sts min session duration': String(SESSION_SECONDS),
    },
  });
  const allow = (rest: object) =>
    JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', ...rest }] });
  const user = { Principal: { AWS: ['arn:aws:iam:::user/tester'] } };
  await gateway.admin([
    'role',
    'create',
    '--role-name=ci',
    `--assume-role-policy-doc=${allow({ ...user, Action: ['sts:AssumeRole'] })}`,
  ]);
  const rights = allow({ Action: ['s3:*'], Resource: 'arn:aws:s3:::*' });
  await gateway.admin(['role-policy', 'put', '--role-name=ci', '--policy-name=p', `--policy-doc=${rights}`]);
  directory = mkdtempSync(path.join(tmpdir(), 'cache-s3-session-'));
});
afterAll(async () => {
  vi.unstubAllEnvs();
  rmSync(directory, { recursive: true });
  await gateway.stop();
});

/** The keys of the role, as a profile of the shared file obtains them. */
async function assumeRole(): Promise<AwsCredentialIdentity> {
  for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) vi.stubEnv(name, undefined);
  const file = path.join(directory, 'credentials');
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', file);
  vi.stubEnv('AWS_CONFIG_FILE', path.join(directory, 'config'));
  vi.stubEnv('AWS_ENDPOINT_URL_STS', gateway.endpoint);
  const role = `role_arn = ${ROLE}\nsource_profile = keys\nduration_seconds = ${SESSION_SECONDS}\n`;
  const keys = `aws_access_key_id = ${gateway.accessKey}\naws_secret_access_key = ${gateway.secretKey}\n`;
  writeFileSync(file, `[default]\n${role}\n[keys]\n${keys}`);
  const transport = new Transport(
    readConnectionSettings({ caFile: undefined, environment: process.env }),
    systemClock,
  );
  const limits = new TimeLimits(systemClock, TIME_LIMITS);
  const provider = credentialsFor(createS3Settings({ credentials: undefined, region: gateway.region }), {
    clock: systemClock,
    stsHandler: () => new SdkRequestHandler(transport, limits, 'cache-s3/test'),
    mask: () => {},
  }) as AwsCredentialIdentityProvider;
  try {
    return await provider();
  } finally {
    transport.close();
  }
}

test('a session that expires is reported as such, and not blamed on the bucket', async () => {
  const { accessKeyId, secretAccessKey, sessionToken } = await assumeRole();
  const store = openStore({
    endpoint: new URL(gateway.endpoint),
    region: gateway.region,
    bucket: gateway.bucket,
    credentials: { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) },
  });
  expect(await store.head('x')).toBeUndefined();
  await delay((SESSION_SECONDS + 2) * 1000);
  for (const call of [() => store.head('x'), () => store.getRange('x', { suffix: 1 })]) {
    await expect(call()).rejects.toMatchObject({
      name: 'StoreRefusedError',
      settings: [{ input: 'sessionToken' }],
      message: expect.stringContaining('the session has probably expired'),
    });
  }
  store.close();
});
