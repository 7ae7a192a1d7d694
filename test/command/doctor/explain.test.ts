import { expect, test } from 'vitest';
import { allow, objectsArn } from '../../../src/command/doctor/explain.ts';

test.each([
  ['ci-cache', 'arn:aws:s3:::ci-cache/cache-s3/v1/*'],
  ['tenant:ci-cache', 'arn:aws:s3::tenant:ci-cache/cache-s3/v1/*'],
])('the advice of doctor for the bucket %s names %s', (bucket, arn) => {
  expect(allow('s3:GetObject', objectsArn(bucket, 'cache-s3/v1/'))).toBe(
    `allow s3:GetObject on ${arn} in the policy of the credentials or the bucket.`,
  );
});
