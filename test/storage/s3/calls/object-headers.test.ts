import { expect, test } from 'vitest';
import { bareEtag, encryptionParameters } from '../../../../src/storage/s3/calls/object-headers.ts';
import type { S3Settings } from '../../../../src/storage/s3/s3-settings.ts';
import { createS3Settings } from '../support.ts';

test.each([
  ['"abc"', 'abc'],
  ['abc', 'abc'],
  ['W/"abc-2"', 'abc-2'],
  ['""', undefined],
  ['', undefined],
  [undefined, undefined],
])('the ETag %s is %s without quotes and the mark of a weak one', (etag, bare) => {
  expect(bareEtag(etag)).toBe(bare);
});

test('an object is encrypted as the settings have it, and by the default of the bucket without them', () => {
  const parametersOf = (encryption: S3Settings['encryption']) =>
    encryptionParameters(createS3Settings({ encryption }));
  expect(parametersOf(undefined)).toEqual({});
  expect(parametersOf({ algorithm: 'AES256', kmsKeyId: undefined })).toEqual({
    ServerSideEncryption: 'AES256',
  });
  expect(parametersOf({ algorithm: 'aws:kms', kmsKeyId: 'k' })).toEqual({
    ServerSideEncryption: 'aws:kms',
    SSEKMSKeyId: 'k',
  });
});
