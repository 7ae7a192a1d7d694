import { describe, expect, test } from 'vitest';
import type { IdentityUse } from '../../../../src/storage/s3/errors/refusals.ts';
import { ResponseError } from '../../../../src/storage/s3/errors/response-error.ts';
import { classify, fromS3Error } from '../../../../src/storage/s3/errors/s3-errors.ts';
import type { S3Settings } from '../../../../src/storage/s3/s3-settings.ts';
import type { StoreRefusedError } from '../../../../src/storage/store-errors.ts';
import { settingsToCheck } from '../../../support/settings-to-check.ts';
import { createS3Settings } from '../support.ts';
import { answer, map, unused } from './answers.ts';

describe('the error of AccessDenied', () => {
  const denied = answer(403, 'AccessDenied');

  test.each([
    [true, true, "the input 'sessionToken'", 'the session has probably expired'],
    [true, false, "the input 'sessionToken'", 'the session has expired, or its policy does not allow this'],
    [false, true, "the bucket's policy", 'the policy does not allow this, or they have expired'],
    [false, false, "the input 'bucket'", 'access is denied to these credentials'],
  ])(
    'with a session token %s and earlier success %s names %s',
    (isTemporary, haveWorked, setting, reason) => {
      const error = map(denied, { ...unused, isTemporary, haveWorked });
      expect(settingsToCheck(error as StoreRefusedError)).toBe(setting);
      expect(error.message).toContain(reason);
    },
  );
});

test.each([
  [403, 'InvalidAccessKeyId', 'does not exist on this server: the session has expired'],
  [403, 'InvalidTokenId', 'the session token is not valid'],
  [403, undefined, 'the session has expired'],
  [401, undefined, 'the session has expired'],
])('a refusal %i %s of keys with a session token names the session', (status, code, reason) => {
  for (const haveWorked of [false, true]) {
    expect(map(answer(status, code), { ...unused, isTemporary: true, haveWorked })).toMatchObject({
      settings: [{ input: 'sessionToken' }],
      message: expect.stringContaining(reason),
    });
  }
});

describe('the refusal of a call with the keys of a role', () => {
  const role = { arn: 'arn:aws:iam:::role/ci', claims: 'ref=refs/heads/main' };
  const end = Date.parse('2026-05-01T12:00:00Z');
  const taken = { ...unused, role, isTemporary: true, expiresMs: end, haveWorked: true };
  const refusedAt = (date: string, code?: string, status = 403) => answer(status, code, { date });

  test.each(['AccessDenied', 'Forbidden', '403', '', undefined])(
    'before their end is a refusal by the policy (code %s)',
    code => {
      expect(map(refusedAt('Fri, 01 May 2026 11:59:59 GMT', code), taken)).toMatchObject({
        name: 'PolicyRefusedError',
      });
    },
  );

  test.each(['AccessDenied', 'ExpiredToken', undefined])(
    'after their end by the clock of the server names the clock of the runner (code %s)',
    code => {
      expect(map(refusedAt('Fri, 01 May 2026 12:00:00 GMT', code), taken)).toMatchObject({
        name: 'StoreRefusedError',
        settings: ["the runner's clock"],
        message: expect.stringContaining("have expired by the server's clock, and were not renewed in time"),
      });
    },
  );

  test.each([
    ['InvalidAccessKeyId', 403],
    ['SignatureDoesNotMatch', 403],
    ['InvalidToken', 403],
    // radosgw 16.2.15, for the session token of another cluster
    ['InvalidArgument', 400],
    [undefined, 401],
  ])('because the server does not know the keys (%s) names the input sts-endpoint', (code, status) => {
    const first = { ...taken, haveWorked: false };
    expect(map(refusedAt('Fri, 01 May 2026 11:00:00 GMT', code, status), first)).toMatchObject({
      name: 'StoreRefusedError',
      settings: [{ input: 'sts-endpoint' }],
      message: expect.stringContaining('the keys that the STS has issued are not accepted'),
    });
  });
});

describe('a refused write', () => {
  const used = { ...unused, haveWorked: true };
  const refusal = (code: string, encryption: S3Settings['encryption'], identity = used) =>
    fromS3Error(classify(answer(403, code)), 'PutObject', createS3Settings({ encryption }), identity);
  const kms = { algorithm: 'aws:kms', kmsKeyId: 'key' } as const;

  test.each(['InvalidAccessKeyId', 'KMS.NotFoundException', 'KMS.DisabledException'])(
    'with %s and a key that is to encrypt names that key',
    code => {
      expect(refusal(code, kms)).toMatchObject({
        settings: [{ input: 'sse-kms-key-id' }],
        message: expect.stringContaining('the server cannot encrypt with this key'),
      });
    },
  );

  test('before any call has succeeded names the access key', () => {
    expect(refusal('InvalidAccessKeyId', kms, unused)).toMatchObject({ settings: [{ input: 'accessKey' }] });
  });

  test('without encryption names the input that the policy may require', () => {
    expect(refusal('AccessDenied', undefined)).toMatchObject({
      settings: ["the bucket's policy", { input: 'server-side-encryption' }],
      message: expect.stringContaining('does not allow this or requires encryption'),
    });
    expect(refusal('AccessDenied', kms)).toMatchObject({ settings: ["the bucket's policy"] });
  });
});

test.each(['constructor', '__proto__', 'toString'])('the code %s of a server has no meaning', code => {
  expect(map(answer(400, code)).message).toBe(
    `bucket ci at https://s3.example.org:7480: the endpoint refused the call (GetObject: 400 ${code})`,
  );
  expect(map(answer(500, code)).message).toContain(`the call failed (GetObject: 500 ${code})`);
});

describe('the keys to check are named by their source:', () => {
  const refusal = (code: string | undefined, identity: Partial<IdentityUse>, own: Partial<S3Settings> = {}) =>
    fromS3Error(classify(answer(403, code)), 'GetObject', createS3Settings(own), { ...unused, ...identity });
  const inProfile = { environment: { AWS_PROFILE: 'ci' } };

  test.each<[string, string | undefined, Partial<IdentityUse>, Partial<S3Settings>, string]>([
    ['an input', 'SignatureDoesNotMatch', {}, {}, "the input 'secretKey'"],
    ['the environment', 'SignatureDoesNotMatch', { source: 'environment' }, {}, 'AWS_SECRET_ACCESS_KEY'],
    ['the environment', 'InvalidAccessKeyId', { source: 'environment' }, {}, 'AWS_ACCESS_KEY_ID'],
    [
      'the environment',
      'ExpiredToken',
      { source: 'environment', isTemporary: true },
      {},
      'AWS_SESSION_TOKEN',
    ],
    [
      'the environment',
      undefined,
      { source: 'environment' },
      {},
      "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and the bucket's policy",
    ],
    [
      'a profile',
      'InvalidAccessKeyId',
      { source: 'shared file' },
      inProfile,
      "the credentials of the shared file (profile 'ci')",
    ],
    [
      'the default profile',
      undefined,
      { source: 'shared file' },
      { environment: {} },
      "the credentials of the shared file (profile 'default') and the bucket's policy",
    ],
    [
      'the role of a web identity',
      'ExpiredToken',
      { source: 'web identity', isTemporary: true },
      {},
      'the credentials of the web identity (AWS_ROLE_ARN)',
    ],
    [
      'the environment',
      'AccessDenied',
      { source: 'environment' },
      {},
      "the input 'bucket' and AWS_ACCESS_KEY_ID",
    ],
    ['a bucket beside a profile', 'NoSuchBucket', { source: 'shared file' }, inProfile, "the input 'bucket'"],
  ])('%s (%s)', (_, code, identity, own, setting) => {
    expect(settingsToCheck(refusal(code, identity, own) as StoreRefusedError)).toBe(setting);
  });
});

describe('the refusal because of another region', () => {
  const refusal = (status: number, headers: Record<string, string>, body: string, own: Partial<S3Settings>) =>
    fromS3Error(
      classify(new ResponseError({ status, headers }, body)),
      'HeadObject',
      createS3Settings(own),
      unused,
    );
  const aws = { endpoint: undefined, forcePathStyle: false };

  test.each<[string, number, Record<string, string>, string]>([
    [
      'a header',
      301,
      { 'x-amz-bucket-region': 'eu-west-1' },
      '<Error><Code>PermanentRedirect</Code></Error>',
    ],
    ['a header of a HEAD, which has no code,', 400, { 'x-amz-bucket-region': 'eu-west-1' }, ''],
    [
      'the body',
      400,
      {},
      '<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-west-1</Region></Error>',
    ],
  ])('names the region that %s has', (_, status, headers, body) => {
    for (const own of [{}, aws])
      expect(refusal(status, headers, body, own)).toMatchObject({
        settings: [{ input: 'region' }],
        message: expect.stringContaining(': the bucket is in region eu-west-1 (HeadObject: '),
      });
  });

  test.each([
    [
      'names the endpoint too, because radosgw has one for each region',
      {},
      [{ input: 'endpoint' }, { input: 'region' }],
    ],
    ['names only the region of AWS', aws, [{ input: 'region' }]],
  ])('without a region %s', (_, own, settings) => {
    const body = '<Error><Code>PermanentRedirect</Code><Region>a b</Region></Error>';
    expect(refusal(301, {}, body, own)).toMatchObject({
      settings,
      message: expect.stringContaining(': the bucket is in another region ('),
    });
  });

  test('is not supposed if the named region is that of the request', () => {
    expect(refusal(400, { 'x-amz-bucket-region': 'us-east-1' }, '', aws)).toMatchObject({
      settings: [{ input: 'endpoint' }],
    });
  });
});
