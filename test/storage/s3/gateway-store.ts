import type { ObjectStore } from '../../../src/storage/object-store.ts';
import type { CallerOptions } from '../../../src/storage/s3/calls/caller.ts';
import type { S3Settings } from '../../../src/storage/s3/s3-settings.ts';
import type { BucketAccess } from '../../support/gateway/gateway.ts';
import { gateway } from '../../support/gateway/shared-gateway.ts';
import { openStore } from './support.ts';

/** How to reach a bucket of the tests' gateway. */
export function settingsFor(bucket: BucketAccess, overrides: Partial<S3Settings> = {}): Partial<S3Settings> {
  return {
    endpoint: new URL(gateway().endpoint),
    region: gateway().region,
    bucket: bucket.bucket,
    credentials: { accessKeyId: bucket.accessKey, secretAccessKey: bucket.secretKey },
    ...overrides,
  };
}

export function storeFor(
  bucket: BucketAccess,
  overrides: Partial<S3Settings> = {},
  options: Partial<CallerOptions> = {},
): ObjectStore {
  return openStore(settingsFor(bucket, overrides), options);
}
