import { expect, test } from 'vitest';
import { stsFailure } from '../../../../src/storage/s3/errors/role-refusals.ts';
import type { RoleSettings } from '../../../../src/storage/s3/s3-settings.ts';
import { createS3Settings } from '../support.ts';
import { answer } from './answers.ts';

const role: RoleSettings = {
  arn: 'arn:aws:iam:::role/ci',
  input: 'role-to-assume',
  audience: 'sts.amazonaws.com',
  stsEndpoint: new URL('https://sts.example'),
};

test.each([
  [403, 'AccessDenied'],
  [400, 'ValidationError'],
])('the refusal of a role (%i %s) names the input of the role', (status, code) => {
  const failure = stsFailure(answer(status, code), role, createS3Settings(), 'no claims');
  expect(failure).toMatchObject({ settings: [{ input: 'role-to-assume' }] });
});

test.each([
  ['CERT_HAS_EXPIRED', 'sts-endpoint', 'endpoint'],
  ['ERR_SSL_WRONG_VERSION_NUMBER', 'sts-endpoint', 'insecure'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'ca-file', 'ca-file'],
])(
  'a failure of TLS (%s) names %s for an STS of its own, and %s for the server of the bucket',
  (code, own, shared) => {
    const failure = Object.assign(new Error('tls'), { code });
    const refusalFor = (endpoint: URL | undefined) =>
      stsFailure(failure, role, createS3Settings({ endpoint }), 'no claims');
    expect(refusalFor(new URL('https://s3.example'))).toMatchObject({ settings: [{ input: own }] });
    expect(refusalFor(role.stsEndpoint)).toMatchObject({ settings: [{ input: shared }] });
  },
);
