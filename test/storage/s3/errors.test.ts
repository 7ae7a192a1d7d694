import { describe, expect, test } from 'vitest';
import {
  ObjectReplacedError,
  StoreRefusedError,
  StoreUnavailableError,
} from '../../../src/storage/errors.ts';
import { toStoreError } from '../../../src/storage/s3/errors.ts';
import { createS3Settings } from './support.ts';

const settings = createS3Settings({ bucket: 'ci', endpoint: new URL('https://s3.example.org:7480/') });
const map = (error: unknown) => toStoreError(error, 'GetObject', settings);

/** As the SDK throws it: its message is not to be relied on, and may quote what was sent. */
const answer = (httpStatusCode: number, Code?: string) =>
  Object.assign(new Error('UnknownError'), {
    name: Code ?? 'UnknownError',
    Code,
    $metadata: { httpStatusCode },
  });

describe('a refusal', () => {
  test.each([
    [403, 'SignatureDoesNotMatch', 'secretKey'],
    [403, 'InvalidAccessKeyId', 'accessKey'],
    [403, 'AccessDenied', 'bucket'],
    [404, 'NoSuchBucket', 'bucket'],
    [403, 'QuotaExceeded', 'bucket'],
    [400, 'ExpiredToken', 'sessionToken'],
    [301, 'PermanentRedirect', 'region'],
    [400, 'AuthorizationHeaderMalformed', 'region'],
    [403, 'RequestTimeTooSkewed', "the runner's clock"],
    [403, undefined, 'accessKey'],
    [401, undefined, 'accessKey'],
    [307, undefined, 'region'],
    [400, 'InvalidRequest', 'endpoint'],
    [405, 'MethodNotAllowed', 'endpoint'],
    [501, 'NotImplemented', 'endpoint'],
  ])('%i %s names %s', (status, code, setting) => {
    const error = map(answer(status, code));
    expect(error).toBeInstanceOf(StoreRefusedError);
    expect(error).toMatchObject({ setting });
    expect(error.message).toContain('bucket ci at https://s3.example.org:7480: ');
    expect(error.message).toContain(`(GetObject: ${status}${code ? ` ${code}` : ''})`);
    expect(error.message).not.toContain('Unknown');
  });
});

describe('a failure', () => {
  test.each([
    [answer(503, 'SlowDown'), 'the call failed (GetObject: 503 SlowDown)'],
    [answer(500), 'the call failed (GetObject: 500)'],
    [answer(200), 'the answer broke off (GetObject: 200)'],
    [
      Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }),
      'connection refused (GetObject: ECONNREFUSED)',
    ],
    [
      Object.assign(new Error('no answer within 9 s'), { name: 'TimeoutError' }),
      'no answer within 9 s (GetObject)',
    ],
  ])('%o', (error, clause) => {
    const mapped = map(error);
    expect(mapped).toBeInstanceOf(StoreUnavailableError);
    expect(mapped.message).toBe(`bucket ci at https://s3.example.org:7480: ${clause}`);
    expect(mapped.cause).toBe(error);
  });
});

test('an error of the contract passes as it is', () => {
  const error = new ObjectReplacedError('x');
  expect(map(error)).toBe(error);
});

test('without an endpoint it is AWS', () => {
  const error = toStoreError(
    answer(500),
    'HeadObject',
    createS3Settings({ bucket: 'ci', endpoint: undefined }),
  );
  expect(error.message).toContain('bucket ci at AWS in us-east-1');
});
