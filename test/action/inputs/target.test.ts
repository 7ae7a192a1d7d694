import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parseInputs } from '../../../src/action/inputs/inputs.ts';
import { resolveTarget } from '../../../src/action/inputs/target.ts';
import { inputVariables } from '../../support/runner/process/step-variables.ts';

function resolve(
  inputs: Record<string, string>,
  env: Record<string, string> = {},
  forkPullRequest = false,
  saves = false,
) {
  const whole = { ...env, ...inputVariables({ path: 'x', key: 'k', ...inputs }) };
  return resolveTarget(parseInputs(whole), { env: whole, forkPullRequest, saves });
}
function settings(inputs: Record<string, string>, env: Record<string, string> = {}, fork = false) {
  const target = resolve({ bucket: 'ci', ...inputs }, env, fork);
  if (target.kind !== 's3') throw new Error(`expected s3, not ${target.kind}`);
  return target.settings;
}

describe('the kind of target', () => {
  test('without a bucket it is GitHub’s cache, and the inputs without effect are listed', () => {
    expect(resolve({})).toEqual({ kind: 'github', ignored: [] });
    expect(resolve({ endpoint: 'rgw.example', accessKey: 'a', retry: 'true' })).toEqual({
      kind: 'github',
      ignored: ['endpoint', 'accessKey'],
    });
    expect(resolve({ scope: 'repository', prefix: 'team', overwrite: 'true' })).toEqual({
      kind: 'github',
      ignored: ['prefix', 'scope', 'overwrite'],
    });
  });

  test('an endpoint file:/// is a directory, and a bucket is a directory inside', () => {
    const root = path.resolve('/srv/ci-cache');
    const endpoint = pathToFileURL(root).href;
    expect(resolve({ endpoint })).toEqual({ kind: 'directory', root });
    expect(resolve({ endpoint, bucket: 'app' })).toEqual({ kind: 'directory', root: path.join(root, 'app') });
  });

  test.each(['a/b', '..', '.', 'a b', '-a', 'a\nb', 'ü'])(
    'the bucket %j is refused in one sentence',
    bucket => {
      for (const endpoint of ['rgw.example', pathToFileURL(path.resolve('/srv/ci-cache')).href]) {
        expect(() => resolve({ endpoint, bucket })).toThrow(
          `Input 'bucket' is '${bucket}', but it must be the name of a bucket: letters, digits, '.', '-' and '_'.`,
        );
      }
    },
  );
});

describe('the settings of a server', () => {
  test.each([
    [
      'without an endpoint the server is AWS, by virtual hosts and with the machine’s role',
      {},
      { endpoint: undefined, forcePathStyle: false, instanceMetadata: true },
    ],
    [
      'the default endpoint of tespkg/actions-cache is AWS',
      { endpoint: 's3.amazonaws.com' },
      { endpoint: undefined, forcePathStyle: false },
    ],
    [
      'the host of an AWS region sets the region',
      { endpoint: 's3.eu-central-1.amazonaws.com' },
      { region: 'eu-central-1', forcePathStyle: false, instanceMetadata: true },
    ],
    [
      'another host has the bucket in the path and does not get the machine’s role',
      { endpoint: 'rgw.example' },
      { forcePathStyle: true, instanceMetadata: false, region: 'us-east-1' },
    ],
    [
      'a host whose name only resembles AWS does not get the machine’s role',
      { endpoint: 'evilamazonaws.com' },
      { forcePathStyle: true, instanceMetadata: false },
    ],
    ['the bucket of another tenant is accepted', { bucket: 'tenant:ci' }, { bucket: 'tenant:ci' }],
    [
      'the input region precedes that of the host',
      { endpoint: 's3.eu-central-1.amazonaws.com', region: 'eu-west-1' },
      { region: 'eu-west-1' },
    ],
    ['the input region sets the region', { endpoint: 'rgw.example', region: 'fr-1' }, { region: 'fr-1' }],
    ['retry: false means one attempt', { retry: 'false', 'retry-count': '7' }, { attempts: 1 }],
    ['retry-count: n means n retries', { 'retry-count': '7' }, { attempts: 8 }],
    ['retry-count: 0 means one attempt', { 'retry-count': '0' }, { attempts: 1 }],
    ['the default is four retries', {}, { attempts: 5 }],
    [
      'server-side-encryption is passed on',
      { 'server-side-encryption': 'AES256' },
      { encryption: { algorithm: 'AES256', kmsKeyId: undefined } },
    ],
    [
      'server-side-encryption is passed on with its key',
      { 'server-side-encryption': 'aws:kms', 'sse-kms-key-id': 'alias/ci' },
      { encryption: { algorithm: 'aws:kms', kmsKeyId: 'alias/ci' } },
    ],
    ['ca-file is passed on', { 'ca-file': '/etc/ca.pem' }, { caFile: '/etc/ca.pem' }],
  ] as [string, Record<string, string>, object][])('%s', (_, inputs, expected) => {
    expect(settings(inputs)).toMatchObject(expected);
  });

  test('a pull request from a fork does not get the machine’s role', () => {
    expect(settings({}, {}, true).instanceMetadata).toBe(false);
  });

  test('the region is read from AWS_REGION, then from AWS_DEFAULT_REGION', () => {
    expect(settings({}, { AWS_DEFAULT_REGION: 'eu-west-3' }).region).toBe('eu-west-3');
    expect(settings({}, { AWS_REGION: 'eu-west-1', AWS_DEFAULT_REGION: 'eu-west-3' }).region).toBe(
      'eu-west-1',
    );
  });

  test.each(['us east', '-', '-us-east-1', 'us-east-1-', 'r'.repeat(64)])(
    'the region %j, which is no label of a host name, is refused in one sentence',
    region => {
      expect(() => settings({ region })).toThrow(
        `Input 'region' is '${region}', but it must be a name such as us-east-1 (at most 63 letters, digits and '-', with no '-' at an end).`,
      );
    },
  );
});

test.each(['AWS_REGION', 'AWS_DEFAULT_REGION'])(
  'the refusal of a region names the variable %s that sets it',
  name => {
    expect(() => settings({}, { [name]: 'us east' })).toThrow(
      `Input 'region' is 'us east' (${name}), but it must be`,
    );
    expect(() => settings({ region: 'us east' }, { [name]: 'us east' })).toThrow(
      "Input 'region' is 'us east', but",
    );
  },
);

describe('the credentials', () => {
  const env = { AWS_ACCESS_KEY_ID: 'EA', AWS_SECRET_ACCESS_KEY: 'ES', AWS_SESSION_TOKEN: 'ET' };
  const keys = { accessKey: 'IA', secretKey: 'IS' };

  test.each([
    [
      'of the inputs precede the environment, without its session token',
      keys,
      env,
      { accessKeyId: 'IA', secretAccessKey: 'IS' },
    ],
    [
      'of the inputs include their session token',
      { ...keys, sessionToken: 'IT' },
      {},
      { accessKeyId: 'IA', secretAccessKey: 'IS', sessionToken: 'IT' },
    ],
    ['of the environment are left to the other sources, where AWS_PROFILE precedes them', {}, env, undefined],
    ['without a secret key are not used', { accessKey: 'IA' }, {}, undefined],
    [
      'with an empty secret key, as on a fork, are not used',
      { accessKey: 'IA', secretKey: '' },
      env,
      undefined,
    ],
    ['may be missing', {}, {}, undefined],
  ] as [string, Record<string, string>, Record<string, string>, object | undefined][])(
    'credentials %s',
    (_, inputs, environment, expected) => {
      expect(settings(inputs, environment).credentials).toEqual(expected);
    },
  );

  test.each([
    [{ accessKey: 'IA' }, 'secretKey'],
    [{ secretKey: 'IS' }, 'accessKey'],
    [{ accessKey: 'IA', secretKey: 'IS' }, undefined],
    [{}, undefined],
  ] as [Record<string, string>, string | undefined][])(
    'the inputs %j are reported as missing %s',
    (inputs, missing) => {
      expect(settings(inputs).missingKey).toBe(missing);
    },
  );
});

test.each([
  [
    { 'server-side-encryption': 'aes' },
    "Input 'server-side-encryption' is 'aes', but it must be AES256 or aws:kms",
  ],
  [
    { 'sse-kms-key-id': 'k' },
    "Input 'sse-kms-key-id' is 'k', but a key is used only if the input 'server-side-encryption' is aws:kms.",
  ],
  [
    { 'server-side-encryption': 'aws:kms', 'sse-kms-key-id': 'a b' },
    "Input 'sse-kms-key-id' is 'a b', but it must be the id, alias or ARN of a key",
  ],
])('the inputs of encryption %j are refused in one sentence', (inputs, message) => {
  expect(() => settings(inputs)).toThrow(message);
});

describe('the role', () => {
  const [READER, WRITER] = ['arn:aws:iam:::role/ci-read', 'arn:aws:iam:::role/ci-main'];
  const role = (inputs: Record<string, string>, saves = false) => {
    const target = resolve({ bucket: 'ci', endpoint: 'rgw.example', ...inputs }, {}, false, saves);
    return target.kind === 's3' ? target.settings.role : undefined;
  };
  const stsEndpoint = new URL('https://rgw.example');

  test('of a restore is that of role-to-assume', () => {
    expect(role({})).toBeUndefined();
    expect(role({ 'role-to-assume': READER, 'role-to-assume-for-save': WRITER })).toEqual({
      arn: READER,
      input: 'role-to-assume',
      audience: 'sts.amazonaws.com',
      stsEndpoint,
    });
  });

  test('of a save alone leaves a restore without credentials, whatever keys the environment has', () => {
    const settings = (saves: boolean) => {
      const inputs = { bucket: 'ci', endpoint: 'rgw.example', 'role-to-assume-for-save': WRITER };
      const target = resolve(inputs, {}, false, saves);
      return target.kind === 's3' ? target.settings : undefined;
    };
    expect(settings(false)).toMatchObject({ role: undefined, onlySaveHasRole: true });
    expect(settings(true)).toMatchObject({ role: { arn: WRITER }, onlySaveHasRole: false });
  });

  test('of a save is that of role-to-assume-for-save, or of role-to-assume if that is not set', () => {
    expect(role({ 'role-to-assume': READER }, true)).toMatchObject({ arn: READER, input: 'role-to-assume' });
    expect(
      role({ 'role-to-assume': READER, 'role-to-assume-for-save': WRITER, audience: 'a' }, true),
    ).toEqual({
      arn: WRITER,
      input: 'role-to-assume-for-save',
      audience: 'a',
      stsEndpoint,
    });
  });

  test('is requested from the STS of AWS if the bucket is on AWS', () => {
    for (const endpoint of ['', 's3.amazonaws.com', 's3.eu-west-1.amazonaws.com']) {
      expect(role({ endpoint, 'role-to-assume': READER })).toMatchObject({ stsEndpoint: undefined });
    }
  });

  test('of a save is checked before the restore, and none is checked where there is no role', () => {
    const http = { endpoint: 'http://10.0.0.1' };
    expect(() => role({ ...http, 'role-to-assume-for-save': WRITER })).toThrow(
      "Input 'sts-endpoint' is missing",
    );
    expect(role(http)).toBeUndefined();
  });
});
