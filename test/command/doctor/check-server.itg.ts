import { PutBucketPolicyCommand, PutBucketVersioningCommand } from '@aws-sdk/client-s3';
import { beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { cachesRoot, markersRoot } from '../../../src/cache/keys/cache-names.ts';
import { checkServer } from '../../../src/command/doctor/check-server.ts';
import type { Finding, Result } from '../../../src/command/doctor/finding.ts';
import type { S3Settings } from '../../../src/storage/s3/s3-settings.ts';
import { settingsFor } from '../../storage/s3/gateway-store.ts';
import { createS3Settings } from '../../storage/s3/support.ts';
import { Bucket, s3Client } from '../../support/gateway/bucket.ts';
import type { BucketAccess } from '../../support/gateway/gateway.ts';
import { gateway, newBucket } from '../../support/gateway/shared-gateway.ts';
import { silentLog } from '../../support/silent-log.ts';

const prefixes = { caches: cachesRoot('cache-s3'), markers: markersRoot('cache-s3') };
let bucket: BucketAccess;

beforeAll(async () => {
  bucket = await newBucket('doctor');
});

/** Returns the findings of a set-up that differs from a good one by `overrides`. */
async function findingsOf(overrides: Partial<S3Settings> = {}, access = bucket): Promise<Finding[]> {
  const findings: Finding[] = [];
  const settings = createS3Settings(settingsFor(access, overrides));
  const { signal } = new AbortController();
  await checkServer({ settings, prefixes, log: silentLog, signal }, finding => {
    findings.push(finding);
  });
  return findings;
}

function named(findings: readonly Finding[], result: Result): string[] {
  return findings.filter(finding => finding.result === result).map(({ check }) => check);
}

/** Expects one failed check, after which there is no other. Returns it. */
async function onlyFailure(check: string, overrides: Partial<S3Settings>): Promise<Finding> {
  const findings = await findingsOf(overrides);
  expect(named(findings, 'failed')).toEqual([check]);
  const last = findings.at(-1)!;
  expect(last.check).toBe(check);
  return last;
}

/** Returns the access of the gateway's second user to a new bucket with these rights on its objects and on itself. */
async function accessWith(objectActions: readonly string[], bucketActions: readonly string[]) {
  const owner = await newBucket('doctor');
  const allow = (Action: readonly string[], Resource: string) => ({
    Effect: 'Allow',
    Principal: { AWS: ['arn:aws:iam:::user/other'] },
    Action,
    Resource,
  });
  const Statement = [
    allow(objectActions, `arn:aws:s3:::${owner.bucket}/*`),
    allow(bucketActions, `arn:aws:s3:::${owner.bucket}`),
  ].filter(({ Action }) => Action.length > 0);
  const client = s3Client(gateway(), owner);
  const Policy = JSON.stringify({ Version: '2012-10-17', Statement });
  await client.send(new PutBucketPolicyCommand({ Bucket: owner.bucket, Policy }));
  client.destroy();
  return { owner, access: { ...gateway().other, bucket: owner.bucket } };
}

/** Returns a bucket whose versions were turned on and then have this status. */
async function bucketWithVersions(status: 'Enabled' | 'Suspended'): Promise<BucketAccess> {
  const access = await newBucket('doctor');
  const client = s3Client(gateway(), access);
  for (const Status of ['Enabled', status] as const) {
    const VersioningConfiguration = { Status };
    await client.send(new PutBucketVersioningCommand({ Bucket: access.bucket, VersioningConfiguration }));
  }
  client.destroy();
  return access;
}

test('doctor reports that a bucket with versions keeps the bytes of deleted caches, and the rule to add', async () => {
  const findings = await findingsOf({}, await bucketWithVersions('Enabled'));
  expect(named(findings, 'limited')).toEqual(['conditions', 'delete']);
  expect(findings.at(-1)).toMatchObject({
    found: 'The bucket keeps versions, so a deletion frees no bytes.',
    fix: expect.stringContaining('NoncurrentVersionExpiration'),
  });
});

test('doctor finds nothing to change in a bucket whose versions are suspended', async () => {
  const findings = await findingsOf({}, await bucketWithVersions('Suspended'));
  expect(findings.filter(({ result }) => result !== 'ok')).toEqual([]);
});

test('doctor finds nothing to change in a good set-up, and leaves no object and no upload', async () => {
  const findings = await findingsOf();
  expect(findings.filter(({ result }) => result !== 'ok')).toEqual([]);
  expect(findings.map(({ check }) => check)).toEqual([
    ...['endpoint', 'TLS', 'clock', 'credentials', 'bucket', 'list', 'put', 'ETag', 'head', 'get', 'ranges'],
    ...['conditions', 'listing order', 'markers', 'multipart', 'copy', 'abort', 'uploads', 'delete'],
  ]);
  const own = new Bucket(gateway(), bucket);
  expect(await own.objects()).toEqual([]);
  expect(await own.uploads()).toEqual([]);
  own.close();
});

describe('doctor names the cause of', () => {
  test('a wrong secret key', async () => {
    const { accessKey } = bucket;
    const credentials = { accessKeyId: accessKey, secretAccessKey: 'wrong'.repeat(8) };
    const { found, fix } = await onlyFailure('credentials', { credentials });
    expect(found).toContain('the secret key does not belong to the access key');
    expect(fix).toContain('CACHE_S3_SECRET_KEY (or AWS_SECRET_ACCESS_KEY)');
    expect(found).not.toContain('wrongwrong');
  });

  test('an unknown access key', async () => {
    const credentials = { accessKeyId: 'UNKNOWNACCESSKEY0001', secretAccessKey: 'wrong'.repeat(8) };
    const { found } = await onlyFailure('credentials', { credentials });
    expect(found).toContain('the access key does not exist');
  });

  test('a missing bucket', async () => {
    const { found, fix } = await onlyFailure('bucket', { bucket: 'no-such-bucket' });
    expect(found).toContain('there is no such bucket');
    expect(fix).toContain('create the bucket no-such-bucket, or correct --bucket (CACHE_S3_BUCKET)');
  });

  test('a clock that is an hour off', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - 3_600_000 });
    onTestFinished(() => void vi.useRealTimers());
    const findings = await findingsOf();
    // The further requests are signed by the server's clock
    expect(findings.filter(({ result }) => result !== 'ok').map(({ check }) => check)).toEqual(['clock']);
    const { found, fix } = findings.find(({ check }) => check === 'clock')!;
    expect(found).toMatch(/clock is 3\d\d\d s behind the server's/);
    expect(fix).toContain('synchronise the clock');
  });

  test('http for https', async () => {
    const endpoint = new URL(gateway().tlsEndpoint.replace('https:', 'http:'));
    const { found, fix } = await onlyFailure('TLS', { endpoint });
    expect(found).toContain('The port expects https');
    expect(fix).toContain('remove --insecure');
  });

  test('https for http', async () => {
    const endpoint = new URL(gateway().endpoint.replace('http:', 'https:'));
    const { fix } = await onlyFailure('TLS', { endpoint });
    expect(fix).toContain('use http: --insecure');
  });

  test('a certificate of an unknown authority', async () => {
    const { fix } = await onlyFailure('TLS', { endpoint: new URL(gateway().tlsEndpoint) });
    expect(fix).toContain('set --ca-file (CACHE_S3_CA_FILE)');
  });

  test('a port without a server', async () => {
    const { found } = await onlyFailure('endpoint', { endpoint: new URL('http://127.0.0.1:1') });
    expect(found).toContain('connection refused');
  });

  test('keys that may only read', async () => {
    const { owner, access } = await accessWith(['s3:GetObject'], ['s3:ListBucket']);
    const own = new Bucket(gateway(), owner);
    await own.put('cache-s3/v1/x', Buffer.from('0123456789'));
    own.close();
    const findings = await findingsOf({}, access);
    const put = findings.find(({ check }) => check === 'put')!;
    expect(put).toMatchObject({
      result: 'failed',
      meaning: 'jobs with these credentials cannot save; those that only restore work.',
      fix: `allow s3:PutObject on arn:aws:s3:::${owner.bucket}/cache-s3/v1/* in the policy of the credentials or the bucket.`,
    });
    expect(named(findings, 'failed')).toEqual(['put']);
    expect(named(findings, 'skipped')).toEqual(['multipart', 'copy', 'uploads']);
  });

  test('a policy without s3:ListBucket', async () => {
    const objectActions = ['s3:GetObject', 's3:PutObject', 's3:DeleteObject', 's3:AbortMultipartUpload'];
    const { owner, access } = await accessWith(objectActions, []);
    const findings = await findingsOf({}, access);
    expect(named(findings, 'failed')).toEqual(['list']);
    expect(findings.find(({ check }) => check === 'list')?.fix).toBe(
      `allow s3:ListBucket on arn:aws:s3:::${owner.bucket} in the policy of the credentials or the bucket.`,
    );
    expect(named(findings, 'limited')).toEqual(['uploads']);
    expect(named(findings, 'ok')).toContain('multipart');
  });
});
