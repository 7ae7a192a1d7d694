import { CreateBucketCommand, HeadBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { expect, test } from 'vitest';
import { type BucketAccess, gateway, newBucket } from './gateway.ts';

function client(user: BucketAccess, endpoint = gateway().endpoint): S3Client {
  return new S3Client({
    endpoint,
    region: gateway().region,
    forcePathStyle: true,
    credentials: { accessKeyId: user.accessKey, secretAccessKey: user.secretKey },
    requestChecksumCalculation: 'WHEN_REQUIRED',
  });
}

test('takes objects in a bucket of the test’s own', async () => {
  const bucket = await newBucket();
  const s3 = client(bucket);
  await s3.send(new PutObjectCommand({ Bucket: bucket.bucket, Key: 'x', Body: Buffer.from('y') }));
  const stats = await gateway().admin(['bucket', 'stats', `--bucket=${bucket.bucket}`]);
  expect(JSON.parse(stats)).toMatchObject({ owner: 'tester', usage: { 'rgw.main': { num_objects: 1 } } });
});

test('keeps the two users apart', async () => {
  const { bucket, other } = gateway();
  await expect(client(other).send(new HeadBucketCommand({ Bucket: bucket }))).rejects.toMatchObject({
    $metadata: { httpStatusCode: 403 },
  });
  await expect(client(other).send(new CreateBucketCommand({ Bucket: bucket }))).rejects.toThrow();
});

test('tells the processes that tests start where it is', () => {
  expect(process.env.CACHE_S3_TEST_ENDPOINT).toBe(gateway().endpoint);
  expect(process.env.CACHE_S3_TEST_BUCKET).toBe(gateway().bucket);
});
