import { expect, test } from 'vitest';
import { allow, failedCheck, objectsArn } from '../../../src/command/doctor/explain.ts';
import { tlsRefusal } from '../../../src/storage/s3/errors/refusals.ts';
import { isStatus, ResponseError } from '../../../src/storage/s3/errors/response-error.ts';
import {
  NoCredentialsError,
  PolicyRefusedError,
  RoleError,
  StoreRefusedError,
  StoreUnavailableError,
} from '../../../src/storage/store-errors.ts';

test.each([
  ['ci-cache', 'arn:aws:s3:::ci-cache/cache-s3/v1/*'],
  ['tenant:ci-cache', 'arn:aws:s3::tenant:ci-cache/cache-s3/v1/*'],
])('the advice of doctor for the bucket %s names %s', (bucket, arn) => {
  expect(allow('s3:GetObject', objectsArn(bucket, 'cache-s3/v1/'))).toBe(
    `allow s3:GetObject on ${arn} in the policy of the credentials or the bucket.`,
  );
});

const denied = { cause: new ResponseError({ status: 403, headers: {} }) };
const expired = { cause: Object.assign(new Error('expired'), { code: 'CERT_HAS_EXPIRED' }) };

test.each<[string, Error, string]>([
  ['an outage of a bucket with the name TLS', new StoreUnavailableError('bucket TLS: down'), 'endpoint'],
  ['an expired certificate', new StoreRefusedError('x', { input: 'endpoint' }, expired), 'TLS'],
  ['a ca-file', new StoreRefusedError('x', { input: 'ca-file' }), 'TLS'],
  ['a scheme', new StoreRefusedError('x', { input: 'insecure' }), 'TLS'],
  ['a clock', new StoreRefusedError('x', "the runner's clock", denied), 'clock'],
  ['an access key', new StoreRefusedError('x', { input: 'accessKey' }), 'credentials'],
  [
    'a key of the environment',
    new StoreRefusedError('x', { input: 'secretKey', place: 'AWS_X' }),
    'credentials',
  ],
  ['no credentials', new NoCredentialsError('x', "the permission 'id-token: write'"), 'credentials'],
  ['an STS', new RoleError('x', { input: 'sts-endpoint' }), 'credentials'],
  [
    'a role that is not allowed to the run',
    new PolicyRefusedError('x', { input: 'role-to-assume' }, denied),
    'credentials',
  ],
  ['a policy of a role', new PolicyRefusedError('x', 'the policies', denied), 'list'],
  ['denied access', new StoreRefusedError('x', { input: 'bucket' }, denied), 'list'],
  ['a bucket', new StoreRefusedError('x', { input: 'bucket' }), 'bucket'],
  ['a region', new StoreRefusedError('x', { input: 'region' }), 'bucket'],
  [
    'a region that has its own endpoint',
    new StoreRefusedError('x', [{ input: 'endpoint' }, { input: 'region' }]),
    'bucket',
  ],
  ['a proxy', new StoreRefusedError('x', 'HTTP_PROXY or HTTPS_PROXY', denied), 'endpoint'],
  ['another refusal', new StoreRefusedError('x', { input: 'endpoint' }), 'endpoint'],
])('the failure of the first call because of %s belongs to its check', (_, error, check) => {
  expect(failedCheck(error, { isStatus, tlsRefusal })).toBe(check);
});
