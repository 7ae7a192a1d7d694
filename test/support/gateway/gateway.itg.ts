import { execFileSync } from 'node:child_process';
import { CreateBucketCommand, HeadBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { expect, test } from 'vitest';
import { s3Client } from './bucket.ts';
import { gateway, newBucket } from './shared-gateway.ts';

test('the shared gateway stores an object in a new bucket', async () => {
  const bucket = await newBucket();
  const s3 = s3Client(gateway(), bucket);
  await s3.send(new PutObjectCommand({ Bucket: bucket.bucket, Key: 'x', Body: Buffer.from('y') }));
  const stats = await gateway().admin(['bucket', 'stats', `--bucket=${bucket.bucket}`]);
  expect(JSON.parse(stats)).toMatchObject({ owner: 'tester', usage: { 'rgw.main': { num_objects: 1 } } });
});

test('the second user of the shared gateway can neither read nor create the bucket of the first', async () => {
  const { bucket, other } = gateway();
  await expect(
    s3Client(gateway(), other).send(new HeadBucketCommand({ Bucket: bucket })),
  ).rejects.toMatchObject({
    $metadata: { httpStatusCode: 403 },
  });
  await expect(
    s3Client(gateway(), other).send(new CreateBucketCommand({ Bucket: bucket })),
  ).rejects.toThrow();
});

test('an environment variable gives the shared gateway to processes that tests start', () => {
  const code = 'console.log(JSON.parse(process.env.CACHE_S3_TEST_GATEWAY).gateway.endpoint)';
  expect(execFileSync(process.execPath, ['-e', code], { encoding: 'utf8' }).trim()).toBe(gateway().endpoint);
});
