import { expect, test } from 'vitest';
import {
  classify,
  errorCode,
  type FailureKind,
  isRetryable,
  isTooMany,
} from '../../../../src/storage/s3/errors/classify.ts';

const status = (httpStatusCode: number, more = {}) =>
  Object.assign(new Error('answer'), { $metadata: { httpStatusCode }, ...more });
const code = (value: string, more = {}) => Object.assign(new Error('network'), { code: value, ...more });

test.each<[string, unknown, FailureKind]>([
  ['429', status(429), 'busy'],
  ['500', status(500), 'busy'],
  ['502', status(502), 'busy'],
  ['503 SlowDown', status(503, { Code: 'SlowDown' }), 'busy'],
  ['504', status(504), 'busy'],
  ['501 not implemented', status(501), 'final'],
  ['505', status(505), 'final'],
  ['400', status(400), 'final'],
  ['400 RequestTimeout', status(400, { name: 'RequestTimeout' }), 'timeout'],
  ['401', status(401), 'final'],
  ['403', status(403), 'final'],
  ['404', status(404), 'final'],
  ['408', status(408), 'timeout'],
  ['409', status(409), 'final'],
  ['412', status(412), 'final'],
  ['416', status(416), 'final'],
  ['301', status(301), 'final'],
  ['200 with a body that is no XML', status(200), 'broken-body'],
  ['206 with a body that is reset', status(206, { code: 'ECONNRESET' }), 'connection'],
  ['404 whose body breaks off', status(404, { code: 'ECONNRESET' }), 'connection'],
  ['refused', code('ECONNREFUSED'), 'connection'],
  ['reset', code('ECONNRESET'), 'connection'],
  ['closed', code('EPIPE'), 'connection'],
  ['unresolved', code('ENOTFOUND'), 'connection'],
  ['resolver busy', code('EAI_AGAIN'), 'connection'],
  ['body ends early', code('ERR_STREAM_PREMATURE_CLOSE'), 'connection'],
  ['no HTTP', code('HPE_INVALID_CONSTANT'), 'connection'],
  ['all addresses refused', new AggregateError([code('ECONNREFUSED')]), 'connection'],
  ['late response by name', Object.assign(new Error(), { name: 'NoResponseError' }), 'timeout'],
  ['time-out by name', Object.assign(new Error(), { name: 'TimeoutError' }), 'timeout'],
  ['time-out by code', code('ETIMEDOUT'), 'connection'],
  ['certificate', code('DEPTH_ZERO_SELF_SIGNED_CERT'), 'final'],
  ['a bug', new TypeError('x is not a function'), 'final'],
  ['a string', 'failure', 'final'],
  ['nothing', undefined, 'final'],
])('the class of the failure "%s" is right', (_, error, kind) => {
  expect(classify(error)).toBe(kind);
  expect(isRetryable(error)).toBe(kind !== 'final');
});

test.each([
  ['SlowDown', 'SlowDown'],
  ['ERR_STREAM_PREMATURE_CLOSE', 'ERR_STREAM_PREMATURE_CLOSE'],
  ['x'.repeat(65), undefined],
  ['a\n::error::b', undefined],
  ['', undefined],
  ['AKIAIOSFODNN7EXAMPLE', undefined],
])('errorCode of the code %j is %j', (value, code_) => {
  expect(errorCode({ Code: value })).toBe(code_);
});

test.each([
  [true, 503, 'SlowDown'],
  [true, 429, undefined],
  [false, 503, undefined],
  [false, 500, 'InternalError'],
])(
  'that there are too many transfers is %s of a response of %i with the code %s',
  (isToo, httpStatus, code) => {
    expect(isTooMany(status(httpStatus, code === undefined ? {} : { Code: code }))).toBe(isToo);
  },
);

test('a lost connection does not mean that there are too many transfers', () => {
  expect(isTooMany(Object.assign(new Error('reset'), { code: 'ECONNRESET' }))).toBe(false);
});
