import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { AwsCredentialIdentityProvider } from '@smithy/types';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { systemClock } from '../../../../src/retry/clock.ts';
import { credentialsFor } from '../../../../src/storage/s3/credentials/credentials.ts';
import { StoreRefusedError } from '../../../../src/storage/store-errors.ts';
import { createS3Settings } from '../support.ts';

let directory: string;
let file: string;

beforeEach(() => {
  // A directory of its own for each test: the SDK reads a path once in a process.
  directory = mkdtempSync(path.join(tmpdir(), 'cache-s3-credentials-'));
  file = path.join(directory, 'credentials');
  for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) vi.stubEnv(name, undefined);
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', file);
  vi.stubEnv('AWS_CONFIG_FILE', path.join(directory, 'config'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(directory, { recursive: true });
});

const provider = (overrides = {}) =>
  credentialsFor(
    createS3Settings({ credentials: undefined, ...overrides }),
    systemClock,
  ) as AwsCredentialIdentityProvider;

test('keys of the settings come first', () => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'environment');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret');
  const credentials = { accessKeyId: 'settings', secretAccessKey: 'secret' };
  expect(credentialsFor(createS3Settings({ credentials }), systemClock)).toBe(credentials);
});

test('the environment, then the shared file', async () => {
  writeFileSync(file, '[default]\naws_access_key_id = shared\naws_secret_access_key = secret\n');
  expect(await provider()()).toMatchObject({ accessKeyId: 'shared' });
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'environment');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret');
  expect(await provider()()).toEqual({ accessKeyId: 'environment', secretAccessKey: 'secret' });
  vi.stubEnv('AWS_SESSION_TOKEN', 'token');
  expect(await provider()()).toMatchObject({ accessKeyId: 'environment', sessionToken: 'token' });
});

test('a session token without both keys of the environment belongs to nobody', async () => {
  writeFileSync(file, '[default]\naws_access_key_id = shared\naws_secret_access_key = secret\n');
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'environment');
  vi.stubEnv('AWS_SESSION_TOKEN', 'token');
  const credentials = await provider()();
  expect(credentials).toMatchObject({ accessKeyId: 'shared' });
  expect(credentials.sessionToken).toBeUndefined();
});

test('a web identity goes before the shared file', async () => {
  vi.stubEnv('AWS_WEB_IDENTITY_TOKEN_FILE', path.join(directory, 'no-such-token'));
  vi.stubEnv('AWS_ROLE_ARN', 'arn:aws:iam::123456789012:role/ci');
  await expect(provider()()).rejects.toThrow(/\(web identity: .*; shared file: /);
});

test('AWS_PROFILE asks the shared file, although the environment has keys', async () => {
  writeFileSync(file, '[ci]\naws_access_key_id = profile\naws_secret_access_key = secret\n');
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'environment');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret');
  vi.stubEnv('AWS_PROFILE', 'ci');
  expect(await provider()()).toMatchObject({ accessKeyId: 'profile' });
});

test('with AWS_PROFILE a web identity is asked where the shared file has no such profile', async () => {
  vi.stubEnv('AWS_PROFILE', 'ci');
  vi.stubEnv('AWS_WEB_IDENTITY_TOKEN_FILE', path.join(directory, 'no-such-token'));
  vi.stubEnv('AWS_ROLE_ARN', 'arn:aws:iam::123456789012:role/ci');
  await expect(provider()()).rejects.toThrow(/\(shared file: .*; web identity: /);
});

test('none at all is one sentence with the settings to set, and is asked for once', async () => {
  const ask = provider();
  const failure = await ask().catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(StoreRefusedError);
  expect(failure).toMatchObject({
    setting: "the input 'accessKey'",
    message: expect.stringMatching(/^no credentials: set accessKey and secretKey, or AWS_ACCESS_KEY_ID/),
  });
  expect(await ask().catch((error: unknown) => error)).toBe(failure);
});

test('the machine is not asked for a role where the environment forbids it', async () => {
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
  await expect(provider({ instanceMetadata: true })()).rejects.toThrow(/\(shared file: [^;]*\)$/);
});

test.each([
  ['kept while more than five minutes are left', 10, 1],
  ['asked for again when less are left', 4, 2],
])('credentials that expire are %s', async (_, minutes, requests) => {
  let asked = 0;
  const server = createServer((_request, response) => {
    const Expiration = new Date(Date.now() + minutes * 60_000).toISOString();
    response.end(
      JSON.stringify({ AccessKeyId: `key-${++asked}`, SecretAccessKey: 's', Token: 't', Expiration }),
    );
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  vi.stubEnv('AWS_CONTAINER_CREDENTIALS_FULL_URI', `http://127.0.0.1:${port}/`);
  try {
    const ask = provider({ instanceMetadata: true });
    expect(await ask()).toMatchObject({ accessKeyId: 'key-1', sessionToken: 't' });
    expect(await ask()).toMatchObject({ accessKeyId: `key-${requests}` });
    expect(asked).toBe(requests);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

test('half a pair names the input that is empty', async () => {
  await expect(provider({ missingKey: 'secretKey' })()).rejects.toMatchObject({
    setting: "the input 'secretKey'",
  });
});

test('the reasons of the sources end in no full stop of their own', async () => {
  await expect(provider()()).rejects.toThrow(/\(shared file: .*[^.]\)$/);
});

test('instance metadata is asked only where the settings allow it', async () => {
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
  vi.stubEnv('AWS_CONTAINER_CREDENTIALS_FULL_URI', 'http://127.0.0.1:1/credentials');
  await expect(provider()()).rejects.not.toThrow(/container/);
  await expect(provider({ instanceMetadata: true })()).rejects.toThrow(/container: /);
});
