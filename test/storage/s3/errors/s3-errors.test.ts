import { describe, expect, test } from 'vitest';
import { fromS3Error } from '../../../../src/storage/s3/errors/s3-errors.ts';
import {
  ObjectReplacedError,
  StoreRefusedError,
  StoreUnavailableError,
} from '../../../../src/storage/store-errors.ts';
import { createS3Settings } from '../support.ts';
import { answer, map, unused } from './answers.ts';

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
    [304, undefined, "the input 'endpoint'"],
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
    [
      Object.assign(new Error('connect EMFILE'), { code: 'EMFILE' }),
      'the limit of open files is reached; raise `nofile` (GetObject: EMFILE)',
    ],
    [answer(200), 'the response ended early or cannot be read (GetObject: 200)'],
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

test('a code that is not one is not printed', () => {
  expect(map(answer(400, 'a\n::error::b')).message).toMatch(
    /the endpoint refused the call \(GetObject: 400\)$/,
  );
});
