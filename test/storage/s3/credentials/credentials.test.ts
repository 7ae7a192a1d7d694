import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test, vi } from 'vitest';
import { credentialsFor } from '../../../../src/storage/s3/credentials/credentials.ts';
import { StoreRefusedError } from '../../../../src/storage/store-errors.ts';
import { createS3Settings } from '../support.ts';
import { directory, file, options, provider, useSharedFiles } from './use-shared-files.ts';

useSharedFiles();

test('the keys of the settings come first', () => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'environment');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret');
  const credentials = { accessKeyId: 'settings', secretAccessKey: 'secret' };
  expect(credentialsFor(createS3Settings({ credentials }), options)).toBe(credentials);
});

test('no other keys are used where only a save assumes a role, and the error names the input for a restore', async () => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'environment');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret');
  await expect(provider({ onlySaveHasRole: true })()).rejects.toMatchObject({
    name: 'NoCredentialsError',
    settings: [{ input: 'role-to-assume' }],
    message: expect.stringContaining("set 'role-to-assume' too"),
  });
  await expect(provider({ onlySaveHasRole: true, forkPullRequest: true })()).rejects.toMatchObject({
    name: 'SecretlessRunError',
  });
});

test('the keys of the environment come before the shared file', async () => {
  writeFileSync(file, '[default]\naws_access_key_id = shared\naws_secret_access_key = secret\n');
  expect(await provider()()).toMatchObject({ accessKeyId: 'shared', source: 'shared file' });
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'environment');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret');
  expect(await provider()()).toEqual({
    ...{ accessKeyId: 'environment', secretAccessKey: 'secret' },
    source: 'environment',
  });
  vi.stubEnv('AWS_SESSION_TOKEN', 'token');
  expect(await provider()()).toMatchObject({ accessKeyId: 'environment', sessionToken: 'token' });
});

test('a session token without both keys of the environment is not used', async () => {
  writeFileSync(file, '[default]\naws_access_key_id = shared\naws_secret_access_key = secret\n');
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'environment');
  vi.stubEnv('AWS_SESSION_TOKEN', 'token');
  const credentials = await provider()();
  expect(credentials).toMatchObject({ accessKeyId: 'shared', source: 'shared file' });
  expect(credentials.sessionToken).toBeUndefined();
});

test('a web identity comes before the shared file', async () => {
  vi.stubEnv('AWS_WEB_IDENTITY_TOKEN_FILE', path.join(directory, 'no-such-token'));
  vi.stubEnv('AWS_ROLE_ARN', 'arn:aws:iam::123456789012:role/ci');
  await expect(provider()()).rejects.toThrow(/\(web identity: .*; shared file: /);
});

test('AWS_PROFILE selects the shared file although the environment has keys', async () => {
  writeFileSync(file, '[ci]\naws_access_key_id = profile\naws_secret_access_key = secret\n');
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'environment');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret');
  vi.stubEnv('AWS_PROFILE', 'ci');
  expect(await provider()()).toMatchObject({ accessKeyId: 'profile' });
});

test('with AWS_PROFILE a web identity is used if the shared file has no such profile', async () => {
  vi.stubEnv('AWS_PROFILE', 'ci');
  vi.stubEnv('AWS_WEB_IDENTITY_TOKEN_FILE', path.join(directory, 'no-such-token'));
  vi.stubEnv('AWS_ROLE_ARN', 'arn:aws:iam::123456789012:role/ci');
  await expect(provider()()).rejects.toThrow(/\(shared file: .*; web identity: /);
});

test('the error without credentials names the settings, and the sources are used once', async () => {
  const ask = provider();
  const failure = await ask().catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(StoreRefusedError);
  expect(failure).toMatchObject({
    settings: [{ input: 'accessKey' }],
    message: expect.stringMatching(/^no credentials: set accessKey and secretKey, or AWS_ACCESS_KEY_ID/),
  });
  expect(await ask().catch((error: unknown) => error)).toBe(failure);
});

test('a source that fails is named in place of the inputs', async () => {
  const role = 'arn:aws:iam::123456789012:role/ci';
  const sources = [
    [{ AWS_PROFILE: 'ci' }, "the credentials of the shared file (profile 'ci')"],
    [
      { AWS_WEB_IDENTITY_TOKEN_FILE: '/no/token', AWS_ROLE_ARN: role },
      'the credentials of the web identity (AWS_ROLE_ARN)',
    ],
  ] as const;
  for (const [environment, place] of sources)
    await expect(provider({ environment })()).rejects.toMatchObject({
      name: 'StoreRefusedError',
      settings: [{ input: 'accessKey', place }],
      message: expect.stringMatching(/^no credentials \(/),
    });
});

test.each([
  ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'],
  ['AWS_SECRET_ACCESS_KEY', 'AWS_ACCESS_KEY_ID'],
])('the error of half a pair of variables, of which %s is set, names the empty one', async (set, empty) => {
  await expect(provider({ environment: { [set]: 'x' } })()).rejects.toMatchObject({
    name: 'NoCredentialsError',
    settings: [empty],
    message: expect.stringContaining(`no credentials: ${empty} is empty, and ${set} is set (`),
  });
});

test.each<[string, NodeJS.ProcessEnv, object]>([
  ['no keys', {}, { name: 'StoreRefusedError', settings: [{ input: 'accessKey' }] }],
  [
    'half a pair of variables',
    { AWS_ACCESS_KEY_ID: 'x' },
    { name: 'StoreRefusedError', settings: ['AWS_SECRET_ACCESS_KEY'] },
  ],
  [
    'no keys because of Dependabot',
    { GITHUB_ACTOR: 'dependabot[bot]' },
    { name: 'SecretlessRunError', settings: [] },
  ],
])(
  'the error of a run with %s does not name instance metadata that the machine lacks as a setting',
  async (_, env, expected) => {
    const environment = { ...env, AWS_EC2_METADATA_SERVICE_ENDPOINT: 'http://127.0.0.1:1' };
    vi.stubEnv('AWS_EC2_METADATA_SERVICE_ENDPOINT', environment.AWS_EC2_METADATA_SERVICE_ENDPOINT);
    await expect(provider({ instanceMetadata: true, environment })()).rejects.toMatchObject({
      ...expected,
      message: expect.stringMatching(/^no credentials: .*; instance metadata: /),
    });
  },
);

test('the role of the machine is not requested where the environment forbids it', async () => {
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
  await expect(provider({ instanceMetadata: true })()).rejects.toThrow(/\(shared file: [^;]*\)$/);
});

test.each([
  ['secretKey', /^no credentials: secretKey is empty, and accessKey is set \(/],
  ['accessKey', /^no credentials: accessKey is empty, and secretKey is set \(/],
] as const)('the error of half a pair of keys names the empty input %s', async (missingKey, message) => {
  await expect(provider({ missingKey })()).rejects.toMatchObject({
    name: 'StoreRefusedError',
    settings: [{ input: missingKey }],
    message: expect.stringMatching(message),
  });
});

test.each([{}, { missingKey: 'secretKey' as const }])(
  'a pull request from a fork has no credentials by design, also with half a pair of keys: %j',
  async settings => {
    await expect(provider({ forkPullRequest: true, ...settings })()).rejects.toMatchObject({
      name: 'SecretlessRunError',
      settings: [],
      message: expect.stringMatching(/^no credentials: a pull request from a fork gets no secrets \(/),
    });
  },
);

test.each([{}, { missingKey: 'secretKey' as const }])(
  'a run of Dependabot without the Dependabot secrets has no credentials by design: %j',
  async settings => {
    vi.stubEnv('GITHUB_ACTOR', 'dependabot[bot]');
    await expect(provider(settings)()).rejects.toMatchObject({
      name: 'SecretlessRunError',
      settings: [],
      message: expect.stringMatching(
        /^no credentials: a run of Dependabot gets only the Dependabot secrets of the repository \(/,
      ),
    });
  },
);

test('the reasons of the sources end without a full stop', async () => {
  await expect(provider()()).rejects.toThrow(/\(shared file: .*[^.]\)$/);
});

test('instance metadata is requested only where the settings allow it', async () => {
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
  vi.stubEnv('AWS_CONTAINER_CREDENTIALS_FULL_URI', 'http://127.0.0.1:1/credentials');
  await expect(provider()()).rejects.not.toThrow(/container/);
  await expect(provider({ instanceMetadata: true })()).rejects.toThrow(/container: /);
});

test('a web identity of the runner is refused on a pull request from a fork', async () => {
  const token = path.join(directory, 'token');
  writeFileSync(token, 'token');
  vi.stubEnv('AWS_WEB_IDENTITY_TOKEN_FILE', token);
  vi.stubEnv('AWS_ROLE_ARN', 'arn:aws:iam::123456789012:role/ci');
  await expect(provider({ forkPullRequest: true })()).rejects.toThrow(
    '(web identity: a pull request from a fork gets no role of the runner; shared file: ',
  );
});
