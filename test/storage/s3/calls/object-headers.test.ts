import { expect, test } from 'vitest';
import {
  bareEtag,
  encryptionParameters,
  knownTime,
} from '../../../../src/storage/s3/calls/object-headers.ts';
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

test.each([
  ['Sat, 01 Aug 2026 10:00:00 GMT', Date.UTC(2026, 7, 1, 10)],
  ['2026-08-01T10:00:00.000Z', Date.UTC(2026, 7, 1, 10)],
  [new Date(1), 1],
  ['1970-01-01T00:00:00Z', undefined],
  ['1969-12-31T23:59:59Z', undefined],
  ['+010000-01-01T00:00:00Z', undefined],
  ['yesterday', undefined],
  [new Date(Number.NaN), undefined],
  ['', undefined],
  [undefined, undefined],
])('the time %s of an object is %s', (time, ms) => {
  expect(knownTime(time)).toBe(ms);
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
