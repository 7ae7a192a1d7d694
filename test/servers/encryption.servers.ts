import { randomBytes } from 'node:crypto';
import { PutBucketPolicyCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { StoreRefusedError } from '../../src/storage/store-errors.ts';
import { openStore } from '../storage/s3/support.ts';
import { Bucket, s3Client } from '../support/gateway/bucket.ts';
import { type Gateway, startGateway } from '../support/gateway/gateway.ts';
import { sharedGatewayNeed } from '../support/gateway/shared-gateway.ts';
import { requires } from '../support/platform-needs.ts';
import { cacheCases } from './cases.ts';

/** Encryption by a key of the server: radosgw with a key in its own configuration. */

const KEY = 'key-1';

let gateway: Gateway;
let plain: Bucket;
/** Its policy refuses requests that do not name an encryption. */
let demanding: Bucket;

const settings = (bucket: Bucket, kmsKeyId?: string) => ({
  endpoint: new URL(gateway.endpoint),
  bucket: bucket.name,
  credentials: { accessKeyId: gateway.other.accessKey, secretAccessKey: gateway.other.secretKey },
  encryption: kmsKeyId === undefined ? undefined : ({ algorithm: 'aws:kms', kmsKeyId } as const),
});

/** Returns the error of an upload of so many bytes. Returns undefined if the object is stored. */
async function uploadFailure(bucket: Bucket, kmsKeyId: string | undefined, sizeBytes: number) {
  const store = openStore(settings(bucket, kmsKeyId));
  onTestFinished(() => store.close());
  const name = `${kmsKeyId} ${sizeBytes}`;
  // As a save does: a call has succeeded before
  expect(await store.head(name)).toBeUndefined();
  const upload = store.createUpload(name, { partSizeBytes: 5_242_880, onlyIfAbsent: true });
  const failure = await upload
    .write(randomBytes(sizeBytes))
    .then(() => upload.complete())
    .catch(error => error);
  expect((await store.head(name)) === undefined).toBe(failure !== undefined);
  return failure;
}

async function bucketWith(...statements: object[]): Promise<Bucket> {
  const bucket = await Bucket.create(gateway, 'encrypted');
  const Resource = [`arn:aws:s3:::${bucket.name}`, `arn:aws:s3:::${bucket.name}/*`];
  const all = [{ Effect: 'Allow', Action: 's3:*' }, ...statements];
  const Statement = all.map(statement => ({ Principal: '*', Resource, ...statement }));
  const Policy = JSON.stringify({ Version: '2012-10-17', Statement });
  const client = s3Client(gateway, gateway);
  await client.send(new PutBucketPolicyCommand({ Bucket: bucket.name, Policy }));
  client.destroy();
  return bucket;
}

describe('radosgw that encrypts with a key', requires(sharedGatewayNeed), () => {
  beforeAll(async () => {
    gateway = await startGateway({
      rgwSettings: {
        'rgw crypt require ssl': 'false',
        'rgw crypt s3 kms backend': 'testing',
        'rgw crypt s3 kms encryption keys': `${KEY}=${randomBytes(32).toString('base64')}`,
      },
    });
    plain = await bucketWith();
    const condition = { Null: { 's3:x-amz-server-side-encryption': 'true' } };
    demanding = await bucketWith({ Effect: 'Deny', Action: 's3:PutObject', Condition: condition });
  });
  afterAll(async () => {
    plain?.close();
    demanding?.close();
    await gateway?.stop();
  });

  cacheCases(() => settings(plain, KEY));

  test.each([100, 12_000_000])('an object of %i bytes with an unknown key names the input', async size => {
    const failure = await uploadFailure(plain, 'no-such-key', size);
    expect(failure).toBeInstanceOf(StoreRefusedError);
    expect(failure).toMatchObject({ settings: [{ input: 'sse-kms-key-id' }] });
  });

  test.each<[string, string | undefined, number]>([
    ['100 bytes without a key', undefined, 100],
    ['12 MB without a key', undefined, 12_000_000],
    // radosgw 16.2.15 does not compare the header of CreateMultipartUpload and UploadPart with the policy
    ['12 MB with the key', KEY, 12_000_000],
  ])('an object of %s is refused by a policy that demands encryption', async (_, kmsKeyId, size) => {
    const failure = await uploadFailure(demanding, kmsKeyId, size);
    expect(failure).toBeInstanceOf(StoreRefusedError);
    expect(failure).toMatchObject({ settings: expect.arrayContaining(["the bucket's policy"]) });
  });

  test('an object of 100 bytes with the key meets a policy that demands encryption', async () => {
    expect(await uploadFailure(demanding, KEY, 100)).toBeUndefined();
  });
});
