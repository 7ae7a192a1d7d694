import { readFileSync } from 'node:fs';
import {
  DeleteObjectCommand,
  GetBucketLifecycleConfigurationCommand,
  PutBucketLifecycleConfigurationCommand,
  PutBucketPolicyCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { expect, it } from 'vitest';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { storeFor } from '../storage/s3/gateway-store.ts';
import { s3Client } from '../support/gateway/bucket.ts';
import type { BucketAccess } from '../support/gateway/gateway.ts';
import { gateway, newBucket } from '../support/gateway/shared-gateway.ts';

/** Applies the policies and the lifecycle rules of the documents to a bucket of a real gateway. */

const MIB = 1024 * 1024;
const read = (file: string) => readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');

/** Returns the first JSON block after a heading. */
function block(file: string, heading: string): string {
  const text = read(file).split(`# ${heading}\n`)[1]?.split('```json\n')[1]?.split('```')[0];
  return text ?? expect.fail(`${file} has no JSON under '${heading}'`);
}

function ownerOf(bucket: BucketAccess): S3Client {
  return s3Client(gateway(), bucket);
}

/** Makes a bucket of the first user. Returns the access of the second user, who has the rights of `policy`. */
async function bucketWith(policy: string): Promise<BucketAccess> {
  const owner = await newBucket('policy');
  const Policy = policy.replaceAll('ci-cache', owner.bucket);
  await ownerOf(owner).send(new PutBucketPolicyCommand({ Bucket: owner.bucket, Policy }));
  const { accessKey, secretKey } = gateway().other;
  return { bucket: owner.bucket, accessKey, secretKey };
}

function save(store: ObjectStore, name: string, sizeBytes = 1000): Promise<unknown> {
  const upload = store.createUpload(name, { onlyIfAbsent: true, partSizeBytes: 5 * MIB });
  return upload
    .write(Buffer.alloc(sizeBytes, name))
    .then(() => upload.complete())
    .finally(() => upload.abort());
}

it('the rights in docs/setup.md are enough for every operation and do not include deletion', async () => {
  const policy = JSON.parse(block('docs/setup.md', 'What the credentials must be allowed to do'));
  for (const statement of policy.Statement) statement.Principal = { AWS: ['arn:aws:iam:::user/other'] };
  const access = await bucketWith(JSON.stringify(policy));
  const store = storeFor(access, { attempts: 1 });
  const [old, grown] = ['cache-s3/v1/a', 'cache-s3/v1/b'];

  expect(await store.head(old)).toBeUndefined();
  expect(await store.getRange(old, { suffix: 10 })).toBeUndefined();
  await save(store, old, 12 * MIB);
  const { etag } = (await store.head(old))!;
  const upload = store.createUpload(grown, { onlyIfAbsent: true, partSizeBytes: 5 * MIB });
  await upload.copyRange({ name: old, etag }, { start: 0, end: 6 * MIB });
  await upload.write(Buffer.from('more'));
  await upload.complete();
  expect(await store.getRange(grown, { suffix: 4 })).toMatchObject({ sizeBytes: 6 * MIB + 4 });
  const names = [];
  for await (const { name } of store.list('cache-s3/v1/')) names.push(name);
  expect(names).toEqual([old, grown]);
  const unfinished = store.createUpload('cache-s3/v1/c', { onlyIfAbsent: true, partSizeBytes: 5 * MIB });
  await unfinished.write(Buffer.alloc(11 * MIB));
  expect(await store.abortStale('cache-s3/v1/', 0)).toBe(1);
  await unfinished.abort();
  store.close();

  const deletion = ownerOf(access).send(new DeleteObjectCommand({ Bucket: access.bucket, Key: old }));
  await expect(deletion).rejects.toMatchObject({ name: 'AccessDenied' });
});

const MAIN = 'cache-s3/v1/your-org/your-repo/refs=2Fheads=2Fmain/k/x';
const OTHER_BRANCH = 'cache-s3/v1/your-org/your-repo/refs=2Fheads=2Fmain2/k/x';
const PULL = 'cache-s3/v1/your-org/your-repo/refs=2Fpull=2F7=2Fmerge/k/x';

it.each([
  ['ci-main', [MAIN], [PULL, OTHER_BRANCH]],
  ['ci-read', [PULL], [MAIN, OTHER_BRANCH]],
])(
  'the policy of docs/threat-model.md lets %s write only its own refs, and read all',
  async (user, writes, refused) => {
    const policy = block('docs/threat-model.md', 'Separate credentials')
      .replaceAll(`user/${user}`, 'user/other')
      .replaceAll(/user\/ci-\w+/g, 'user/tester');
    const store = storeFor(await bucketWith(policy), { attempts: 1 });
    for (const name of writes) await save(store, name);
    for (const name of refused)
      await expect(save(store, name), name).rejects.toMatchObject({ name: 'StoreRefusedError' });
    for (const name of writes) expect(await store.head(name)).toMatchObject({ sizeBytes: 1000 });
    expect(await store.head(refused[0]!)).toBeUndefined();
    store.close();
  },
);

it('the gateway accepts the lifecycle rules of the README unchanged', async () => {
  const owner = await newBucket('lifecycle');
  const Bucket = owner.bucket;
  const LifecycleConfiguration = JSON.parse(block('README.md', 'The bucket'));
  const client = ownerOf(owner);
  await client.send(new PutBucketLifecycleConfigurationCommand({ Bucket, LifecycleConfiguration }));
  const { Rules } = await client.send(new GetBucketLifecycleConfigurationCommand({ Bucket }));
  expect(Rules?.toSorted((a, b) => (a.ID! < b.ID! ? 1 : -1))).toMatchObject(
    LifecycleConfiguration.Rules.toSorted((a: { ID: string }, b: { ID: string }) => (a.ID < b.ID ? 1 : -1)),
  );
});
