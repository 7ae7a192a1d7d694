import { describe, expect, test } from 'vitest';
import { classify, type FailureKind, fromS3Error } from '../../../../src/storage/s3/errors/s3-errors.ts';
import { NoResponseError } from '../../../../src/storage/s3/transport/timers.ts';
import {
  ObjectReplacedError,
  StoreRefusedError,
  StoreUnavailableError,
} from '../../../../src/storage/store-errors.ts';
import { settingsToCheck } from '../../../support/settings-to-check.ts';
import { createS3Settings } from '../support.ts';
import { answer, map, unused } from './answers.ts';

/** An error as the SDK throws it after a success that it cannot read. */
const unread = (httpStatusCode: number, more = {}) =>
  Object.assign(new Error('syntax'), { $metadata: { httpStatusCode }, ...more });

describe('the error of a refusal', () => {
  test.each([
    [403, 'SignatureDoesNotMatch', "the input 'secretKey'"],
    [403, 'InvalidAccessKeyId', "the input 'accessKey'"],
    [403, 'AccessDenied', "the input 'bucket'"],
    [404, 'NoSuchBucket', "the input 'bucket'"],
    [403, 'QuotaExceeded', "the input 'bucket'"],
    [400, 'ExpiredToken', "the input 'sessionToken'"],
    [301, 'PermanentRedirect', "the input 'endpoint' and the input 'region'"],
    [400, 'AuthorizationHeaderMalformed', "the input 'endpoint' and the input 'region'"],
    [403, 'RequestTimeTooSkewed', "the runner's clock"],
    [404, 'NoSuchUpload', "the bucket's lifecycle rules"],
    [403, undefined, "the input 'accessKey', the input 'secretKey' and the bucket's policy"],
    [401, undefined, "the input 'accessKey', the input 'secretKey' and the bucket's policy"],
    [307, undefined, "the input 'endpoint'"],
    [304, undefined, "the input 'endpoint'"],
    [400, 'InvalidRequest', "the input 'endpoint'"],
    [405, 'MethodNotAllowed', "the input 'endpoint'"],
    [501, 'NotImplemented', "the input 'endpoint'"],
  ])('with %i %s names %s', (status, code, setting) => {
    const error = map(answer(status, code));
    expect(error).toBeInstanceOf(StoreRefusedError);
    expect(settingsToCheck(error as StoreRefusedError)).toBe(setting);
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
    [unread(200), 'the response ended early or cannot be read (GetObject: 200)'],
    [
      Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }),
      'connection refused (GetObject: ECONNREFUSED)',
    ],
    [
      new AggregateError([Object.assign(new Error('connect'), { code: 'ECONNREFUSED' })]),
      'connection refused (GetObject: ECONNREFUSED)',
    ],
    [
      Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' }),
      'host name not found (GetObject: ENOTFOUND)',
    ],
    [
      Object.assign(new Error('connect ETIMEDOUT'), { code: 'ETIMEDOUT' }),
      'the call failed (GetObject: ETIMEDOUT)',
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
  ])('explains %o in one clause', (error, clause) => {
    const mapped = map(error);
    expect(mapped).toBeInstanceOf(StoreUnavailableError);
    expect(mapped.message).toBe(`bucket ci at https://s3.example.org:7480: ${clause}`);
    expect(mapped.cause).toBe(error);
  });
});

test('the error of a broken connection names the proxy of the environment, and none that is not used', () => {
  const reset = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
  const messageWith = (environment: NodeJS.ProcessEnv) =>
    fromS3Error(
      classify(reset),
      'GetObject',
      createS3Settings({ bucket: 'ci', endpoint: undefined, environment }),
      unused,
    ).message;
  expect(messageWith({ HTTPS_PROXY: 'http://me:secret@proxy.corp:3128' })).toBe(
    'bucket ci at AWS in us-east-1: connection reset (GetObject: ECONNRESET; the proxy at proxy.corp:3128)',
  );
  for (const environment of [
    { HTTPS_PROXY: 'socks5://proxy.corp:1080' },
    { http_proxy: 'http://proxy.corp:3128' },
    { https_proxy: 'proxy.corp:3128', no_proxy: '.amazonaws.com' },
  ])
    expect(messageWith(environment)).not.toContain('proxy');
});

test('a reset of plain http before the first success names a port for https as a possible cause', () => {
  const reset = Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' });
  const messageFor = (endpoint: string, haveWorked: boolean, environment: NodeJS.ProcessEnv = {}) =>
    fromS3Error(
      classify(reset),
      'GetObject',
      createS3Settings({ bucket: 'ci', endpoint: new URL(endpoint), environment }),
      { ...unused, haveWorked },
    ).message;
  expect(messageFor('http://rgw:7480', false)).toBe(
    'bucket ci at http://rgw:7480: connection reset; the port may expect https (GetObject: ECONNRESET)',
  );
  for (const message of [
    messageFor('http://rgw:7480', true),
    messageFor('https://rgw:7480', false),
    messageFor('http://rgw:7480', false, { HTTP_PROXY: 'http://proxy.corp:3128' }),
  ])
    expect(message).not.toContain('expect https');
});

test('an error of the store contract is not converted', () => {
  const error = new ObjectReplacedError('x');
  expect(map(error)).toBe(error);
});

test('text that is not a code is not printed as the code of a network error', () => {
  const { message } = map(code('a\n::error::b'));
  expect(message).not.toContain('::error');
});

test('an error of a bucket without an endpoint names AWS and the region', () => {
  const error = fromS3Error(
    classify(answer(500)),
    'HeadObject',
    createS3Settings({ bucket: 'ci', endpoint: undefined }),
    unused,
  );
  expect(error.message).toContain('bucket ci at AWS in us-east-1');
});

test('text that is not a code is not printed as the code of a response', () => {
  expect(map(answer(400, 'a\n::error::b')).message).toMatch(
    /the endpoint refused the call \(GetObject: 400\)$/,
  );
});

const code = (value: string, more = {}) => Object.assign(new Error('network'), { code: value, ...more });

test.each<[string, unknown, FailureKind]>([
  ['429', answer(429), 'too-many'],
  ['500', answer(500), 'busy'],
  ['502', answer(502), 'busy'],
  ['503 SlowDown', answer(503, 'SlowDown'), 'overloaded'],
  ['503 of a proxy', answer(503), 'down'],
  ['504', answer(504), 'busy'],
  ['501 not implemented', answer(501), 'final'],
  ['505', answer(505), 'final'],
  ['400', answer(400), 'final'],
  ['400 RequestTimeout', answer(400, 'RequestTimeout'), 'timeout'],
  ['401', answer(401), 'final'],
  ['403', answer(403), 'final'],
  ['404', answer(404), 'final'],
  ['408', answer(408), 'timeout'],
  ['409', answer(409), 'final'],
  ['412', answer(412), 'final'],
  ['416', answer(416), 'final'],
  ['301', answer(301), 'final'],
  ['200 with an error in its body', answer(200, 'InternalError'), 'busy'],
  ['200 with SlowDown in its body', answer(200, 'SlowDown'), 'overloaded'],
  ['200 with a body that is no XML', unread(200), 'broken-body'],
  ['206 with a body that is reset', unread(206, { code: 'ECONNRESET' }), 'connection'],
  ['refused', code('ECONNREFUSED'), 'connection'],
  ['reset', code('ECONNRESET'), 'connection'],
  ['closed', code('EPIPE'), 'connection'],
  ['unresolved', code('ENOTFOUND'), 'connection'],
  ['resolver busy', code('EAI_AGAIN'), 'connection'],
  ['body ends early', code('ERR_STREAM_PREMATURE_CLOSE'), 'connection'],
  ['no HTTP', code('HPE_INVALID_CONSTANT'), 'connection'],
  ['all addresses refused', new AggregateError([code('ECONNREFUSED')]), 'connection'],
  ['late response', new NoResponseError(), 'late'],
  ['time-out by name', Object.assign(new Error(), { name: 'TimeoutError' }), 'timeout'],
  ['time-out by code', code('ETIMEDOUT'), 'connection'],
  ['certificate', code('DEPTH_ZERO_SELF_SIGNED_CERT'), 'final'],
  ['a bug', new TypeError('x is not a function'), 'final'],
  ['a string', 'failure', 'final'],
  ['nothing', undefined, 'final'],
])('the class of the failure "%s" is right', (_, error, kind) => {
  const failure = classify(error);
  expect(failure).toMatchObject({ kind, isRetryable: kind !== 'final' });
  expect(classify(failure)).toBe(failure);
});
