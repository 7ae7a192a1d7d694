import { describe, expect, test } from 'vitest';
import type { IdentityUse } from '../../../../src/storage/s3/errors/refusals.ts';
import { fromS3Error } from '../../../../src/storage/s3/errors/s3-errors.ts';
import type { S3Settings } from '../../../../src/storage/s3/s3-settings.ts';
import {
  ObjectReplacedError,
  StoreRefusedError,
  StoreUnavailableError,
} from '../../../../src/storage/store-errors.ts';
import { createS3Settings } from '../support.ts';

const settings = createS3Settings({ bucket: 'ci', endpoint: new URL('https://s3.example.org:7480/') });
const unused: IdentityUse = { role: undefined, temporary: false, expiresMs: undefined, accepted: false };
const map = (error: unknown, identity = unused) => fromS3Error(error, 'GetObject', settings, identity);

/** An error as the SDK throws it: its message is unreliable and may quote the request. */
const answer = (httpStatusCode: number, Code?: string) =>
  Object.assign(new Error('UnknownError'), {
    name: Code ?? 'UnknownError',
    Code,
    $metadata: { httpStatusCode },
  });

describe('the error of a refusal', () => {
  test.each([
    [403, 'SignatureDoesNotMatch', "the input 'secretKey'"],
    [403, 'InvalidAccessKeyId', "the input 'accessKey'"],
    [403, 'AccessDenied', "the input 'bucket'"],
    [404, 'NoSuchBucket', "the input 'bucket'"],
    [403, 'QuotaExceeded', "the input 'bucket'"],
    [400, 'ExpiredToken', "the input 'sessionToken'"],
    [301, 'PermanentRedirect', "the input 'region'"],
    [400, 'AuthorizationHeaderMalformed', "the input 'region'"],
    [403, 'RequestTimeTooSkewed', "the runner's clock"],
    [404, 'NoSuchUpload', "the bucket's lifecycle rules"],
    [403, undefined, "the inputs 'accessKey' and 'secretKey', and the bucket's policy"],
    [401, undefined, "the inputs 'accessKey' and 'secretKey', and the bucket's policy"],
    [307, undefined, "the input 'region'"],
    [400, 'InvalidRequest', "the input 'endpoint'"],
    [405, 'MethodNotAllowed', "the input 'endpoint'"],
    [501, 'NotImplemented', "the input 'endpoint'"],
  ])('with %i %s names %s', (status, code, setting) => {
    const error = map(answer(status, code));
    expect(error).toBeInstanceOf(StoreRefusedError);
    expect(error).toMatchObject({ setting });
    expect(error.message).toContain('bucket ci at https://s3.example.org:7480: ');
    expect(error.message).toContain(`(GetObject: ${status}${code ? ` ${code}` : ''})`);
    expect(error.message).not.toContain('Unknown');
  });
});

describe('the error of a failure', () => {
  test.each([
    [answer(503, 'SlowDown'), 'the call failed (GetObject: 503 SlowDown)'],
    [answer(500), 'the call failed (GetObject: 500)'],
    [answer(200), 'the response ended early (GetObject: 200)'],
    [
      Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }),
      'connection refused (GetObject: ECONNREFUSED)',
    ],
    [
      Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED', address: '::1', port: 7480 }),
      'connection refused (GetObject: ECONNREFUSED)',
    ],
    [
      Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND', hostname: 's3.example.org' }),
      'host name not found (GetObject: ENOTFOUND)',
    ],
    [
      Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED', address: '::1', port: 3128 }),
      'connection refused (GetObject: ECONNREFUSED; the proxy at ::1, port 3128)',
    ],
    [
      new AggregateError([
        Object.assign(new Error('connect'), { code: 'ECONNREFUSED', address: '10.0.0.9', port: 3128 }),
      ]),
      'connection refused (GetObject: ECONNREFUSED; the proxy at 10.0.0.9, port 3128)',
    ],
    [
      Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND', hostname: 'proxy.corp' }),
      'host name not found (GetObject: ENOTFOUND; the proxy at proxy.corp)',
    ],
    [
      Object.assign(new Error('Failed to establish tunnel via http://me:secret@proxy'), {
        code: 'ERR_PROXY_TUNNEL',
      }),
      'the proxy does not connect (GetObject: ERR_PROXY_TUNNEL)',
    ],
    [
      Object.assign(new Error('no response within 9 s'), { name: 'TimeoutError' }),
      'no response within 9 s (GetObject)',
    ],
  ])('made of %o has a clause for people', (error, clause) => {
    const mapped = map(error);
    expect(mapped).toBeInstanceOf(StoreUnavailableError);
    expect(mapped.message).toBe(`bucket ci at https://s3.example.org:7480: ${clause}`);
    expect(mapped.cause).toBe(error);
  });
});

test('an error of the store contract is not converted', () => {
  const error = new ObjectReplacedError('x');
  expect(map(error)).toBe(error);
});

test('an error of a bucket without an endpoint names AWS and the region', () => {
  const error = fromS3Error(
    answer(500),
    'HeadObject',
    createS3Settings({ bucket: 'ci', endpoint: undefined }),
    unused,
  );
  expect(error.message).toContain('bucket ci at AWS in us-east-1');
});

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
  const refusedAt = (date: string, code?: string, statusCode = 403) =>
    Object.assign(answer(statusCode, code), { $response: { statusCode, headers: { date } } });

  test.each(['AccessDenied', undefined])('before their end is one of the policy (code %s)', code => {
    expect(map(refusedAt('Fri, 01 May 2026 11:59:59 GMT', code), taken)).toMatchObject({
      name: 'PolicyRefusedError',
    });
  });

  test.each(['AccessDenied', 'ExpiredToken', undefined])(
    'after their end by the clock of the server is none of the policy (code %s)',
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
  ])('because the server does not know them (%s) is none of the policy', (code, status) => {
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
    fromS3Error(answer(403, code), 'PutObject', createS3Settings({ encryption }), identity);
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

test('a code that is not one is not printed', () => {
  expect(map(answer(400, 'a\n::error::b')).message).toMatch(
    /the endpoint refused the call \(GetObject: 400\)$/,
  );
});
