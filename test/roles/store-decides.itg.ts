import {
  AbortMultipartUploadCommand,
  CopyObjectCommand,
  DeleteObjectCommand,
  GetBucketPolicyCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutBucketAclCommand,
  PutBucketLifecycleConfigurationCommand,
  PutBucketPolicyCommand,
  PutObjectAclCommand,
  PutObjectCommand,
  PutObjectTaggingCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { cachesRoot, markerName, markersRoot } from '../../src/cache/keys/cache-names.ts';
import { pruneCaches } from '../../src/cache/prune/prune-caches.ts';
import { checkServer } from '../../src/command/doctor/check-server.ts';
import type { Finding } from '../../src/command/doctor/finding.ts';
import { ROLE_KINDS, type RoleKind } from '../../src/command/policy/roles.ts';
import { policyScript } from '../../src/command/policy/script.ts';
import { runCommand } from '../command/run-command.ts';
import { createS3Settings, openStore } from '../storage/s3/support.ts';
import { Bucket, s3Client } from '../support/gateway/bucket.ts';
import { type RoleGateway, type RoleKeys, startRoleGateway } from '../support/gateway/role-gateway.ts';
import { silentLog } from '../support/silent-log.ts';
import { arnOf, claimsOf, FURTHER_RUNS, policyOptions, REPOSITORY, RUNS, type Run } from './runs.ts';

/** Runs the script of `cache-s3 policy` on a real gateway, and tries what the code of each run can do without the action. */

let roles: RoleGateway;
let bucket: Bucket;

beforeAll(async () => {
  roles = await startRoleGateway();
  bucket = await Bucket.create(roles.gateway, 'roles');
  await roles.runScript(policyScript(policyOptions(roles, bucket.name)));
});
afterAll(async () => {
  bucket?.close();
  await roles?.stop();
});

const place = (ref: string, repository = REPOSITORY) => cachesRoot('cache-s3', repository, ref);
const MAIN = `${place('refs/heads/main')}main`;
const PULL = `${place('refs/pull/9/merge')}pull`;
const OTHER = `${place('refs/heads/main', 'octo/other')}other`;

/** Makes the calls that code can make with these keys, or unsigned. Returns those that the store has carried out. */
async function attempts(keys: RoleKeys | undefined, { ref, repository }: Run): Promise<string[]> {
  await Promise.all([MAIN, PULL, OTHER].map(name => bucket.put(name, Buffer.from(name))));
  const client = new S3Client({
    endpoint: roles.gateway.endpoint,
    region: roles.gateway.region,
    forcePathStyle: true,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    ...(keys
      ? { credentials: { ...keys, accessKeyId: keys.accessKey, secretAccessKey: keys.secretKey } }
      : {
          credentials: { accessKeyId: '', secretAccessKey: '' },
          signer: { sign: async request => request },
        }),
  });
  const Bucket = bucket.name;
  const put = (Key: string) => client.send(new PutObjectCommand({ Bucket, Key, Body: Buffer.from('x') }));
  const remove = (Key: string) => client.send(new DeleteObjectCommand({ Bucket, Key }));
  const read = (Key: string) => client.send(new GetObjectCommand({ Bucket, Key }));
  const list = (of: string) =>
    client.send(new ListObjectsV2Command({ Bucket, Prefix: cachesRoot('cache-s3', of) }));
  const uploads = await Promise.all([MAIN, OTHER].map(name => bucket.beginUpload(name)));
  const toUpload = (Key: string, UploadId: string | undefined) => ({ Bucket, Key, UploadId });
  const sendPart = (Key: string, UploadId: string | undefined) =>
    client.send(new UploadPartCommand({ ...toUpload(Key, UploadId), PartNumber: 1, Body: Buffer.from('x') }));
  const abort = (Key: string, UploadId: string | undefined) =>
    client.send(new AbortMultipartUploadCommand(toUpload(Key, UploadId)));
  const copy = (from: string, Key: string) =>
    client.send(new CopyObjectCommand({ Bucket, Key, CopySource: `${Bucket}/${from}` }));
  const Policy = '{"Version":"2012-10-17","Statement":[]}';
  const lifecycle = { Rules: [{ ID: 'x', Status: 'Enabled', Prefix: '', Expiration: { Days: 1 } }] } as const;
  const calls: Record<string, () => Promise<unknown>> = {
    'list the whole bucket': () => client.send(new ListObjectsV2Command({ Bucket })),
    'send a part to an upload of main': () => sendPart(MAIN, uploads[0]),
    'send a part to an upload of another repository': () => sendPart(OTHER, uploads[1]),
    'abort an upload of another repository': () => abort(OTHER, uploads[1]),
    'abort an upload of main': () => abort(MAIN, uploads[0]),
    'copy another repository': () => copy(OTHER, `${place(ref, repository)}copied`),
    'copy to main': () => copy(PULL, `${MAIN}-copied`),
    'write a name that leads to main': () => put(`${place('refs/tags/x')}../refs=2Fheads=2Fmain/x`),
    'write the place of main with two slashes': () => put(`${cachesRoot('cache-s3', REPOSITORY)}/x`),
    'note a use': () => put(`${markersRoot('cache-s3', REPOSITORY)}x`),
    'change the ACL of main': () =>
      client.send(new PutObjectAclCommand({ Bucket, Key: MAIN, ACL: 'public-read' })),
    'tag main': () =>
      client.send(new PutObjectTaggingCommand({ Bucket, Key: MAIN, Tagging: { TagSet: [] } })),
    'list versions': () => client.send(new ListObjectVersionsCommand({ Bucket })),
    'change the policy of the bucket': () => client.send(new PutBucketPolicyCommand({ Bucket, Policy })),
    'change the ACL of the bucket': () =>
      client.send(new PutBucketAclCommand({ Bucket, ACL: 'public-read-write' })),
    'change the lifecycle': () =>
      client.send(
        new PutBucketLifecycleConfigurationCommand({
          Bucket,
          LifecycleConfiguration: { Rules: [...lifecycle.Rules] },
        }),
      ),
    'read main': () => read(MAIN),
    list: () => list(REPOSITORY),
    'write main': () => put(`${MAIN}-new`),
    'replace main': () => put(MAIN),
    'write own place': () => put(`${place(ref, repository)}own`),
    'write a pull request': () => put(PULL),
    'write shared place': () => put(`${cachesRoot('cache-s3', REPOSITORY)}_/x`),
    'read another repository': () => read(OTHER),
    'list another repository': () => list('octo/other'),
    'write another repository': () => put(`${OTHER}-new`),
    'write outside': () => put('elsewhere'),
    'delete a pull request': () => remove(PULL),
    'delete main': () => remove(MAIN),
    'delete another repository': () => remove(OTHER),
  };
  const done: string[] = [];
  for (const [name, call] of Object.entries(calls)) {
    const refused = (error: { $metadata?: { httpStatusCode?: number } }) => {
      expect(error.$metadata?.httpStatusCode, name).toBe(403);
      return false;
    };
    if (await call().then(() => true, refused)) done.push(name);
  }
  client.destroy();
  return done;
}

/** The calls that a role allows besides reads of the repository. */
const ALLOWED: Readonly<Record<RoleKind, readonly string[]>> = {
  read: [],
  main: [
    'write main',
    'replace main',
    'send a part to an upload of main',
    'abort an upload of main',
    'copy to main',
  ],
  branches: ['write own place'],
  pulls: ['write own place', 'write a pull request'],
  prune: ['delete a pull request', 'delete main', 'abort an upload of main'],
  'prune-pulls': ['delete a pull request'],
};

describe('the code of a run', () => {
  it.each([...RUNS, ...FURTHER_RUNS])('of $name can take the roles $roles and no other', async run => {
    // GitHub gives a fork no token
    const taken: (RoleKeys | undefined)[] = [];
    for (const kind of run.fork ? [] : ROLE_KINDS) {
      taken.push(await roles.assumeRole(arnOf(kind), claimsOf(run)));
    }
    expect(ROLE_KINDS.filter((_, index) => taken[index])).toEqual(run.roles);
    for (const kind of run.roles) {
      const isMain = run.ref === 'refs/heads/main';
      const own = isMain && kind === 'main' ? ['write own place'] : [];
      const allowed = ALLOWED[kind].filter(
        call => !(isMain && kind === 'branches' && call === 'write own place'),
      );
      const done = await attempts(taken[ROLE_KINDS.indexOf(kind)], run);
      expect(new Set(done), kind).toEqual(
        new Set(['read main', 'list', 'list the whole bucket', ...allowed, ...own]),
      );
    }
    if (run.roles.length === 0) expect(await attempts(undefined, run)).toEqual([]);
  });

  it.each([
    ['for another audience', { aud: 'another.example' }],
    ['of the next owner of the name', { repository_id: '4712' }],
    ['of a branch that begins like main', { ref: 'refs/heads/main2', event_name: 'schedule' }],
  ])('can take no writing role with a token %s', async (_, claims) => {
    const push = claimsOf(RUNS[0]!);
    for (const kind of ['main', 'branches', 'pulls', 'prune'] as const) {
      expect(await roles.assumeRole(arnOf(kind), { ...push, ...claims }), kind).toBeUndefined();
    }
  });
});

describe('the script of the policy', () => {
  it('run again with other options changes roles, rights and the audiences of the provider', async () => {
    const push = claimsOf(RUNS[0]!);
    const moved = { ...push, aud: 'https://rgw.example/*?a=[b]', repository_id: '4713' };
    const arn = (kind: RoleKind) => `arn:aws:iam:::role/again-${kind}`;
    const before = { ...policyOptions(roles, bucket.name), rolePrefix: 'again', kinds: ['main'] as const };
    const after = { ...before, audience: moved.aud, repositoryId: '4713', recordUse: true };
    await roles.runScript(policyScript(before));
    expect(await roles.assumeRole(arn('main'), push)).toBeDefined();
    expect(await roles.assumeRole(arn('main'), moved)).toBeUndefined();
    // The second time nothing is left to change
    for (let time = 0; time < 2; time++) await roles.runScript(policyScript(after));
    expect(await roles.assumeRole(arn('main'), push)).toBeUndefined();
    const keys = (await roles.assumeRole(arn('main'), moved))!;
    const client = s3Client(roles.gateway, keys);
    const Key = `${markersRoot('cache-s3', REPOSITORY)}x`;
    await client.send(new PutObjectCommand({ Bucket: bucket.name, Key, Body: Buffer.alloc(0) }));
    client.destroy();
    // The audience of the other roles stays in the provider
    expect(await roles.assumeRole(arnOf('main'), push)).toBeDefined();
  });

  it('lets the keys of the owner read, check and delete what a role has saved', async () => {
    const Key = `${place('refs/heads/main')}of a role`;
    const object = { Bucket: bucket.name, Key };
    const writer = s3Client(roles.gateway, (await roles.assumeRole(arnOf('main'), claimsOf(RUNS[0]!)))!);
    await writer.send(new PutObjectCommand({ ...object, Body: Buffer.from('saved') }));
    writer.destroy();
    const owner = s3Client(roles.gateway, bucket.access);
    onTestFinished(() => owner.destroy());
    expect(await owner.send(new HeadObjectCommand(object))).toMatchObject({ ContentLength: 5 });
    const { Body } = await owner.send(new GetObjectCommand({ ...object, Range: 'bytes=-2' }));
    expect(await Body!.transformToString()).toBe('ed');
    await owner.send(new DeleteObjectCommand(object));
    await expect(owner.send(new HeadObjectCommand(object))).rejects.toMatchObject({ name: 'NotFound' });
  });

  it('leaves a policy that the bucket has already as it is', async () => {
    const Policy = JSON.stringify({
      Version: '2012-10-17',
      Statement: [
        {
          Sid: 'Own',
          Effect: 'Allow',
          Principal: '*',
          Action: ['s3:GetObject'],
          Resource: ['arn:aws:s3:::*/public'],
        },
      ],
    });
    const other = await Bucket.create(roles.gateway, 'with-a-policy');
    const owner = s3Client(roles.gateway, other.access);
    onTestFinished(() => {
      owner.destroy();
      other.close();
    });
    await owner.send(new PutBucketPolicyCommand({ Bucket: other.name, Policy }));
    await roles.runScript(policyScript({ ...policyOptions(roles, other.name), kinds: [] }));
    const left = await owner.send(new GetBucketPolicyCommand({ Bucket: other.name }));
    expect(left.Policy).toBe(Policy);
  });
});

describe('the command', () => {
  /** Takes a role with a token of a run that may take it. Returns the settings of its keys. */
  async function settingsOf(kind: RoleKind) {
    const run = RUNS.find(({ roles }) => roles.includes(kind))!;
    const keys = (await roles.assumeRole(arnOf(kind), claimsOf(run)))!;
    const { accessKey: accessKeyId, secretKey: secretAccessKey, sessionToken } = keys;
    const { endpoint, region } = roles.gateway;
    const credentials = { accessKeyId, secretAccessKey, sessionToken };
    return createS3Settings({ endpoint: new URL(endpoint), region, bucket: bucket.name, credentials });
  }

  it('lists with the role read without the last use, and prunes nothing whose use is not known', async () => {
    const { endpoint, region } = roles.gateway;
    const keys = (await roles.assumeRole(arnOf('read'), claimsOf(RUNS[0]!)))!;
    const settings = {
      CACHE_S3_ENDPOINT: endpoint,
      CACHE_S3_REGION: region,
      CACHE_S3_BUCKET: bucket.name,
      CACHE_S3_ACCESSKEY: keys.accessKey,
      CACHE_S3_SECRETKEY: keys.secretKey,
      CACHE_S3_SESSIONTOKEN: keys.sessionToken,
    };
    const name = `${place('refs/heads/main')}listed/${'0'.repeat(64)}.tar.zst`;
    await bucket.put(name, Buffer.from('x'));
    const run = (...args: string[]) => runCommand([...args, '--repository', REPOSITORY], settings);
    const listed = await run('list', '--json');
    expect(listed.exitCode, listed.stderr).toBe(0);
    expect(JSON.parse(listed.stdout)).toMatchObject([{ key: 'listed', lastUsedAt: null }]);
    expect(listed.stderr.match(/The last use of the caches is not known/g)).toHaveLength(1);
    for (const command of [['list'], ['prune', '--dry-run']]) {
      const refused = await run(...command, '--unused', '0d');
      expect(refused.exitCode).toBe(1);
      expect(refused.stderr).toMatch(/the last use of the caches is not known, because the markers cannot/i);
    }
    expect(await bucket.objects()).toContain(name);
  });

  it('doctor with the role main finds nothing in its place that fails', async () => {
    const limited: string[] = [];
    const ref = 'refs/heads/main';
    const caches = place(ref);
    const markers = markersRoot('cache-s3', REPOSITORY, ref);
    const report = ({ check, result }: Finding) => {
      if (result !== 'ok') {
        limited.push(`${check} ${result}`);
      }
    };
    const { signal } = new AbortController();
    const settings = await settingsOf('main');
    await checkServer({ settings, prefixes: { caches, markers }, log: silentLog, signal }, report);
    // Made without --record-use; 16.2.15 copies no part for a role, whatever the policies allow; a job needs no delete
    expect(limited).toEqual(['markers limited', 'copy limited', 'delete limited']);
  });

  it('prune with the role prune-pulls deletes what it may, and counts the marker that it may not', async () => {
    const cacheOf = (ref: string) => `${place(ref)}k/${'0'.repeat(64)}.tar.zst`;
    const forged = markerName('cache-s3', cacheOf('refs/heads/main'))!;
    const merged = cacheOf('refs/pull/9/merge');
    const stray = markerName('cache-s3', cacheOf('refs/pull/8/merge'))!;
    await bucket.put(merged, Buffer.from('x'));
    for (const name of [forged, markerName('cache-s3', merged)!, stray])
      await bucket.put(name, Buffer.alloc(0));
    const store = openStore(await settingsOf('prune-pulls'));
    const prune = (patterns: { readonly repository: string; readonly scope?: string }) =>
      pruneCaches({
        store,
        prefix: 'cache-s3',
        patterns,
        rules: { all: patterns.scope !== undefined },
        removesLeftovers: true,
        dryRun: false,
        onDeletion() {},
      });
    expect(await prune({ repository: REPOSITORY, scope: 'refs/pull/*' })).toMatchObject({
      deletedCaches: 1,
      deletedMarkers: 1,
      refusedLeftovers: 0,
      abortedUploads: 0,
    });
    expect(await prune({ repository: REPOSITORY })).toMatchObject({ deletedMarkers: 0, refusedLeftovers: 1 });
    store.close();
    const left = (await bucket.objects()).map(name => name);
    expect(left).toContain(forged);
    for (const name of [merged, stray]) expect(left).not.toContain(name);
  });
});
