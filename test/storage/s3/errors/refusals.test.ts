import { describe, expect, test } from 'vitest';
import type { IdentityUse } from '../../../../src/storage/s3/errors/refusals.ts';
import { classify, fromS3Error } from '../../../../src/storage/s3/errors/s3-errors.ts';
import type { S3Settings } from '../../../../src/storage/s3/s3-settings.ts';
import { createS3Settings } from '../support.ts';
import { answer, map, unused } from './answers.ts';

describe('the error of AccessDenied', () => {
  const denied = answer(403, 'AccessDenied');

  test.each([
    [true, true, "the input 'sessionToken'", 'the session has probably expired'],
    [true, false, "the input 'sessionToken'", 'the session has expired, or its policy does not allow this'],
    [false, true, "the bucket's policy", 'the policy does not allow this, or they have expired'],
    [false, false, "the input 'bucket'", 'access is denied to these credentials'],
  ])('with a session token %s and earlier success %s names %s', (temporary, accepted, setting, reason) => {
    const error = map(denied, { ...unused, temporary, accepted });
    expect(error).toMatchObject({ setting, message: expect.stringContaining(reason) });
  });
});

test.each([
  [403, 'InvalidAccessKeyId', 'does not exist on this server: the session has expired'],
  [403, 'InvalidTokenId', 'the session token is not valid'],
  [403, undefined, 'the session has expired'],
  [401, undefined, 'the session has expired'],
])('a refusal %i %s of keys with a session token names the session', (status, code, reason) => {
  for (const accepted of [false, true]) {
    expect(map(answer(status, code), { ...unused, temporary: true, accepted })).toMatchObject({
      setting: "the input 'sessionToken'",
      message: expect.stringContaining(reason),
    });
  }
});

describe('the refusal of a call with the keys of a role', () => {
  const role = { arn: 'arn:aws:iam:::role/ci', claims: 'ref=refs/heads/main' };
  const end = Date.parse('2026-05-01T12:00:00Z');
  const taken = { ...unused, role, temporary: true, expiresMs: end, accepted: true };
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
        setting: "the runner's clock",
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
  ])('because the server does not know the keys (%s) names the input sts-endpoint', (code, status) => {
    const first = { ...taken, accepted: false };
    expect(map(refusedAt('Fri, 01 May 2026 11:00:00 GMT', code, status), first)).toMatchObject({
      name: 'StoreRefusedError',
      setting: "the input 'sts-endpoint'",
      message: expect.stringContaining('the keys that the STS has issued are not accepted'),
    });
  });
});

describe('a refused write', () => {
  const used = { ...unused, accepted: true };
  const refusal = (code: string, encryption: S3Settings['encryption'], identity = used) =>
    fromS3Error(classify(answer(403, code)), 'PutObject', createS3Settings({ encryption }), identity);
  const kms = { algorithm: 'aws:kms', kmsKeyId: 'key' } as const;

  test.each(['InvalidAccessKeyId', 'KMS.NotFoundException', 'KMS.DisabledException'])(
    'with %s and a key that is to encrypt names that key',
    code => {
      expect(refusal(code, kms)).toMatchObject({
        setting: "the input 'sse-kms-key-id'",
        message: expect.stringContaining('the server cannot encrypt with this key'),
      });
    },
  );

  test('before any call has succeeded names the access key', () => {
    expect(refusal('InvalidAccessKeyId', kms, unused)).toMatchObject({ setting: "the input 'accessKey'" });
  });

  test('without encryption names the input that the policy may require', () => {
    const { message } = refusal('AccessDenied', undefined);
    expect(message).toContain("requires the input 'server-side-encryption'");
    expect(refusal('AccessDenied', kms).message).not.toContain('server-side-encryption');
  });
});

test.each(['constructor', '__proto__', 'toString'])('the code %s of a server has no meaning', code => {
  expect(map(answer(400, code)).message).toBe(
    `bucket ci at https://s3.example.org:7480: the endpoint refused the call (GetObject: 400 ${code})`,
  );
  expect(map(answer(500, code)).message).toContain(`the call failed (GetObject: 500 ${code})`);
});

describe('the setting to check is named by where it comes from:', () => {
  const refusal = (code: string | undefined, identity: Partial<IdentityUse>, own: Partial<S3Settings> = {}) =>
    fromS3Error(classify(answer(403, code)), 'GetObject', createS3Settings(own), { ...unused, ...identity });
  const nameInput = (input: string) => `'${input}' (CACHE_S3_X)`;
  const inProfile = { nameInput, environment: { AWS_PROFILE: 'ci' } };

  test.each<[string, string | undefined, Partial<IdentityUse>, Partial<S3Settings>, string]>([
    ['an input', 'SignatureDoesNotMatch', {}, {}, "the input 'secretKey'"],
    [
      'a variable of an input',
      'SignatureDoesNotMatch',
      {},
      { nameInput },
      "the input 'secretKey' (CACHE_S3_X)",
    ],
    ['a variable of a bucket', 'NoSuchBucket', {}, { nameInput }, "the input 'bucket' (CACHE_S3_X)"],
    ['a variable of a region', 'PermanentRedirect', {}, { nameInput }, "the input 'region' (CACHE_S3_X)"],
    [
      'the environment',
      'SignatureDoesNotMatch',
      { source: 'environment' },
      { nameInput },
      'AWS_SECRET_ACCESS_KEY',
    ],
    ['the environment', 'InvalidAccessKeyId', { source: 'environment' }, {}, 'AWS_ACCESS_KEY_ID'],
    ['the environment', 'ExpiredToken', { source: 'environment', temporary: true }, {}, 'AWS_SESSION_TOKEN'],
    [
      'the environment',
      undefined,
      { source: 'environment' },
      {},
      "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and the bucket's policy",
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
      "the credentials of the shared file (profile 'default'), and the bucket's policy",
    ],
    [
      'the role of a web identity',
      'ExpiredToken',
      { source: 'web identity', temporary: true },
      {},
      'the credentials of the web identity',
    ],
    [
      'a bucket beside a profile',
      'NoSuchBucket',
      { source: 'shared file' },
      inProfile,
      "the input 'bucket' (CACHE_S3_X)",
    ],
  ])('%s (%s)', (_, code, identity, own, setting) => {
    expect(refusal(code, identity, own)).toMatchObject({ setting });
  });
});
