import { randomBytes } from 'node:crypto';
import {
  CreateBucketCommand,
  PutBucketVersioningCommand,
  PutObjectLockConfigurationCommand,
} from '@aws-sdk/client-s3';
import { beforeAll, describe } from 'vitest';
import { settingsFor } from '../storage/s3/gateway-store.ts';
import { s3Client } from '../support/gateway/bucket.ts';
import type { BucketAccess } from '../support/gateway/gateway.ts';
import { gateway, newBucket } from '../support/gateway/shared-gateway.ts';
import { serverCases } from './cases.ts';

async function versionedBucket(): Promise<BucketAccess> {
  const access = await newBucket('versioned');
  const client = s3Client(gateway(), access);
  const VersioningConfiguration = { Status: 'Enabled' } as const;
  await client.send(new PutBucketVersioningCommand({ Bucket: access.bucket, VersioningConfiguration }));
  client.destroy();
  return access;
}

async function lockedBucket(): Promise<BucketAccess> {
  const { accessKey, secretKey } = gateway();
  const access = { bucket: `locked-${randomBytes(6).toString('hex')}`, accessKey, secretKey };
  const client = s3Client(gateway(), access);
  const Bucket = access.bucket;
  await client.send(new CreateBucketCommand({ Bucket, ObjectLockEnabledForBucket: true }));
  const Rule = { DefaultRetention: { Mode: 'GOVERNANCE', Days: 1 } } as const;
  const ObjectLockConfiguration = { ObjectLockEnabled: 'Enabled', Rule } as const;
  await client.send(new PutObjectLockConfigurationCommand({ Bucket, ObjectLockConfiguration }));
  client.destroy();
  return access;
}

describe.each([
  ['a plain bucket', () => newBucket('plain'), true],
  ['a bucket with versions', versionedBucket, false],
  ['a bucket with a default retention', lockedBucket, false],
] as const)('radosgw with %s', (_, makeBucket, exactConditions) => {
  let bucket: BucketAccess;
  beforeAll(async () => {
    bucket = await makeBucket();
  });
  serverCases(() => settingsFor(bucket), { exactConditions });
});
