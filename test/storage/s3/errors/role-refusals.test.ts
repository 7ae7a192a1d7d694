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
  [403, 'AccessDenied', "the input 'role-to-assume' (CACHE_S3_X)"],
  [400, 'ValidationError', "the input 'role-to-assume' (CACHE_S3_X)"],
])('the refusal of a role (%i %s) names the variable that sets the role', (status, code, setting) => {
  const settings = createS3Settings({ nameInput: input => `'${input}' (CACHE_S3_X)` });
  expect(stsFailure(answer(status, code), role, settings, 'no claims')).toMatchObject({ setting });
});
