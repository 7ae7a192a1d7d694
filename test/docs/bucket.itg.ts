import { randomBytes } from 'node:crypto';
import {
  DeleteObjectCommand,
  GetBucketLifecycleConfigurationCommand,
  ListObjectsV2Command,
  PutBucketLifecycleConfigurationCommand,
  PutBucketPolicyCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { afterEach, describe, expect, it } from 'vitest';
import { markerName } from '../../src/cache/keys/cache-names.ts';
import { pruneCaches } from '../../src/cache/prune/prune-caches.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { storeFor } from '../storage/s3/gateway-store.ts';
import { ANY_NAME } from '../support/any-name.ts';
import { s3Client } from '../support/gateway/bucket.ts';
import type { BucketAccess } from '../support/gateway/gateway.ts';
import { gateway, newBucket } from '../support/gateway/shared-gateway.ts';
import { listNames } from '../support/put-object.ts';
import { MiB } from '../support/sizes.ts';
import { jsonBlocks } from './documents.ts';

/** Applies the policies and the lifecycle rules of the documents to a bucket of a real gateway. */

/** Returns the first JSON block after a heading. */
function block(file: string, heading: string): string {
  return jsonBlocks(file, heading)[0] ?? expect.fail(`${file} has no JSON under '${heading}'`);
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
  const upload = store.createUpload(name, { onlyIfAbsent: true, partSizeBytes: 5 * MiB });
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
  await save(store, old, 12 * MiB);
  const { etag } = (await store.head(old))!;
  const upload = store.createUpload(grown, { onlyIfAbsent: true, partSizeBytes: 5 * MiB });
  await upload.copyRange({ name: old, etag }, { start: 0, end: 6 * MiB });
  await upload.write(Buffer.from('more'));
  await upload.complete();
  expect(await store.getRange(grown, { suffix: 4 })).toMatchObject({ sizeBytes: 6 * MiB + 4 });
  expect(await listNames(store, 'cache-s3/v1/')).toEqual([old, grown]);
  const unfinished = store.createUpload('cache-s3/v1/c', { onlyIfAbsent: true, partSizeBytes: 5 * MiB });
  await unfinished.write(Buffer.alloc(11 * MiB));
  expect(await store.abortStale('cache-s3/v1/', 0, ANY_NAME)).toBe(1);
  await unfinished.abort();
  store.close();

  const deletion = ownerOf(access).send(new DeleteObjectCommand({ Bucket: access.bucket, Key: old }));
  await expect(deletion).rejects.toMatchObject({ name: 'AccessDenied' });
});

it('the rights in docs/pruning.md are enough for a prune, and do not include a save', async () => {
  const policy = JSON.parse(block('docs/pruning.md', 'Permissions'));
  for (const statement of policy.Statement) statement.Principal = { AWS: ['arn:aws:iam:::user/other'] };
  const access = await bucketWith(JSON.stringify(policy));
  const { accessKey, secretKey } = gateway();
  const owner = storeFor({ bucket: access.bucket, accessKey, secretKey });
  const name = `cache-s3/v1/o/r/main/k/${'a'.repeat(64)}.tar.zst`;
  await owner.putEmpty(name);
  await owner.putEmpty(markerName('cache-s3', name)!);
  await owner.putEmpty(markerName('cache-s3', name.replace('/k/', '/stray/'))!);

  const store = storeFor(access, { attempts: 1 });
  const result = await pruneCaches({
    store,
    prefix: 'cache-s3',
    patterns: {},
    rules: { all: true },
    dryRun: false,
    removesLeftovers: true,
    onDeletion() {},
  });
  expect(result).toMatchObject({ deletedCaches: 1, deletedMarkers: 1, abortedUploads: 0 });
  expect(await listNames(owner)).toEqual([]);
  await expect(store.putEmpty(name)).rejects.toThrow('access is denied');
  for (const one of [store, owner]) one.close();
});

describe('the policy in docs/threat-model.md', () => {
  const REPOSITORY = 'cache-s3/v1/your-org/your-repo/';
  const MAIN = `${REPOSITORY}refs=2Fheads=2Fmain/k/x`;
  const OTHER_BRANCH = `${REPOSITORY}refs=2Fheads=2Fmain2/k/x`;
  const SHARED = `${REPOSITORY}_/k/x`;
  const [PULL_7, PULL_8] = [7, 8].map(number => `${REPOSITORY}refs=2Fpull=2F${number}=2Fmerge/k/x`);
  const FOREIGN = ['your-repo2', 'other'].map(name => `cache-s3/v1/your-org/${name}/refs=2Fheads=2Fmain/k/x`);
  const refused = { name: 'StoreRefusedError' };
  const [policy, pullRequestsWrite] = jsonBlocks('docs/threat-model.md', 'Separate credentials');

  const stores: ObjectStore[] = [];
  afterEach(() => {
    for (const store of stores.splice(0)) store.close();
  });

  /** Makes a user of the gateway with a name of its own, and returns its keys. */
  async function newUser(name: string): Promise<Omit<BucketAccess, 'bucket'> & { readonly uid: string }> {
    const uid = `${name}-${randomBytes(4).toString('hex')}`;
    const user = await gateway().admin(['user', 'create', `--uid=${uid}`, '--display-name=x']);
    const [{ access_key: accessKey, secret_key: secretKey }] = JSON.parse(user).keys;
    return { uid, accessKey, secretKey };
  }

  /** Makes a bucket with the policy, and the store of each of its users and of the bucket's owner. */
  async function storesWith(statements: readonly unknown[]) {
    const owner = await newBucket('policy');
    const [main, reader] = [await newUser('ci-main'), await newUser('ci-read')];
    const document = { ...JSON.parse(policy!), Statement: statements };
    const Policy = JSON.stringify(document)
      .replaceAll('ci-cache', owner.bucket)
      .replaceAll('user/ci-main', `user/${main.uid}`)
      .replaceAll('user/ci-read', `user/${reader.uid}`);
    await ownerOf(owner).send(new PutBucketPolicyCommand({ Bucket: owner.bucket, Policy }));
    const storeOf = (access: Omit<BucketAccess, 'bucket'>) => {
      const store = storeFor({ ...access, bucket: owner.bucket }, { attempts: 1 });
      stores.push(store);
      return store;
    };
    const listAll = async (keys: Omit<BucketAccess, 'bucket'>) => {
      const access = { ...keys, bucket: owner.bucket };
      const listing = new ListObjectsV2Command({ Bucket: owner.bucket });
      return (await ownerOf(access).send(listing)).Contents?.map(({ Key }) => Key);
    };
    return {
      owner: storeOf(owner),
      main: storeOf(main),
      reader: storeOf(reader),
      listAll: () => listAll(reader),
    };
  }

  const documented = JSON.parse(policy!).Statement;

  it('lets the default branch write its own ref and nothing else', async () => {
    const { main } = await storesWith(documented);
    await save(main, MAIN);
    await save(main, `${MAIN}-in-parts`, 12 * MiB);
    for (const name of [OTHER_BRANCH, PULL_7!, SHARED, ...FOREIGN]) {
      await expect(save(main, name), name).rejects.toMatchObject(refused);
      await expect(save(main, name, 12 * MiB), name).rejects.toMatchObject(refused);
    }
  });

  it('lets a pull request read the caches of its repository and write none', async () => {
    const { main, reader } = await storesWith(documented);
    await save(main, MAIN);
    expect(await reader.getRange(MAIN, { suffix: 10 })).toMatchObject({ sizeBytes: 1000 });
    expect(await listNames(reader, REPOSITORY)).toEqual([MAIN]);
    for (const name of [MAIN, OTHER_BRANCH, PULL_7!, SHARED, ...FOREIGN]) {
      await expect(save(reader, `${name}-new`), name).rejects.toMatchObject(refused);
    }
  });

  it('makes a missing object a miss, although listings are limited to a prefix', async () => {
    const { main, reader } = await storesWith(documented);
    for (const store of [main, reader]) {
      expect(await store.head(MAIN)).toBeUndefined();
      expect(await store.getRange(PULL_7!, { suffix: 10 })).toBeUndefined();
      expect(await listNames(store, `${REPOSITORY}refs=2Fheads=2Fmain/k`)).toEqual([]);
    }
  });

  it('lets no run read the content of another repository, and only list its name', async () => {
    const { owner, reader, listAll } = await storesWith(documented);
    for (const name of FOREIGN) {
      await save(owner, name);
      await expect(reader.head(name), name).rejects.toMatchObject(refused);
      await expect(reader.getRange(name, { suffix: 10 }), name).rejects.toMatchObject(refused);
      await expect(listNames(reader, name.slice(0, -3)), name).rejects.toMatchObject(refused);
    }
    expect(await listAll()).toEqual(FOREIGN.toSorted());
  });

  it('does not restrict the owner of the bucket', async () => {
    const { owner } = await storesWith(documented);
    for (const name of [MAIN, PULL_7!, ...FOREIGN]) await save(owner, name);
  });

  it('with the further statement lets each pull request write every other one, and no branch', async () => {
    const { main, reader } = await storesWith([...documented, JSON.parse(pullRequestsWrite!)]);
    await save(reader, PULL_7!);
    await save(reader, PULL_8!);
    for (const name of [MAIN, OTHER_BRANCH, SHARED, ...FOREIGN]) {
      await expect(save(reader, name), name).rejects.toMatchObject(refused);
    }
    await expect(save(main, PULL_7!)).rejects.toMatchObject(refused);
  });
});

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
