import { randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Log } from '../../../src/report/log.ts';
import type { S3Settings } from '../../../src/storage/s3/s3-settings.ts';
import {
  ObjectExistsError,
  ObjectReplacedError,
  StoreRefusedError,
} from '../../../src/storage/store-errors.ts';
import { ANY_NAME } from '../../support/any-name.ts';
import type { BucketAccess } from '../../support/gateway/gateway.ts';
import { gateway, newBucket } from '../../support/gateway/shared-gateway.ts';
import { putObject } from '../../support/put-object.ts';
import { silentLog } from '../../support/silent-log.ts';
import { MiB } from '../../support/sizes.ts';
import { objectStoreConformance } from '../object-store.conformance.ts';
import { storeFor } from './gateway-store.ts';

let bucket: BucketAccess;

beforeAll(async () => {
  bucket = await newBucket('s3-store');
});

describe('a bucket of radosgw conforms to the port', () => objectStoreConformance(() => storeFor(bucket)));

describe('a bucket over https', () => {
  test('is used with its authority in ca-file', async () => {
    const { tlsEndpoint, caFile } = gateway();
    const store = storeFor(bucket, { endpoint: new URL(tlsEndpoint), caFile });
    const content = randomBytes(14 * MiB);
    await putObject(store, 'tls', content, { onlyIfAbsent: true });
    const answer = await store.getRange('tls', { start: 100, end: 14 * MiB });
    expect(Buffer.compare(answer?.bytes ?? Buffer.of(), content.subarray(100))).toBe(0);
    store.close();
  });

  test.each(['', '0'])('is refused without it, also with NODE_TLS_REJECT_UNAUTHORIZED=%s', async value => {
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', value);
    onTestFinished(() => void vi.unstubAllEnvs());
    const store = storeFor(bucket, { endpoint: new URL(gateway().tlsEndpoint) });
    const failure = await store.head('tls').catch(error => error);
    expect(failure).toBeInstanceOf(StoreRefusedError);
    expect(failure).toMatchObject({ settings: [{ input: 'ca-file' }] });
    expect(store.counters).toEqual({ requests: 1, retries: 0 });
    store.close();
  });
});

test('two large uploads that race with onlyIfAbsent leave one whole object and no upload', async () => {
  const contents = [randomBytes(12 * MiB), randomBytes(13 * MiB)];
  const ends = await Promise.allSettled(
    contents.map(async content => {
      const store = storeFor(bucket);
      const upload = store.createUpload('race', { partSizeBytes: 5 * MiB, onlyIfAbsent: true });
      await upload.write(Uint8Array.from(content));
      return upload.complete().finally(() => store.close());
    }),
  );
  expect(ends.some(end => end.status === 'fulfilled')).toBe(true);
  for (const end of ends) {
    // Between the last HEAD and Complete another job can be faster: the loser sees its object replaced.
    if (end.status === 'rejected') {
      expect([ObjectExistsError, ObjectReplacedError]).toContain(end.reason.constructor);
    }
  }
  const store = storeFor(bucket);
  const answer = await store.getRange('race', { start: 0, end: 20 * MiB });
  expect(contents.some(content => Buffer.compare(content, answer?.bytes ?? Buffer.of()) === 0)).toBe(true);
  expect(await store.abortStale('race', 0, ANY_NAME)).toBe(0);
  store.close();
});

test('a long range is copied in several parts', async () => {
  const store = storeFor(bucket);
  const content = randomBytes(70 * MiB);
  const first = store.createUpload('long', { partSizeBytes: 16 * MiB, onlyIfAbsent: true });
  await first.write(Uint8Array.from(content));
  await first.complete();
  const source = (await store.head('long'))!;
  const second = store.createUpload('long-copy', { partSizeBytes: 16 * MiB, onlyIfAbsent: true });
  await second.copyRange(source, { start: 1, end: 70 * MiB });
  await second.complete();
  expect(await store.head('long-copy')).toMatchObject({
    sizeBytes: 70 * MiB - 1,
    etag: expect.stringMatching(/-3$/),
  });
  const answer = await store.getRange('long-copy', { start: 0, end: 70 * MiB });
  expect(Buffer.compare(answer?.bytes ?? Buffer.of(), content.subarray(1))).toBe(0);
  store.close();
});

describe('the error of a refusal', () => {
  const unknown = 'UNKNOWNACCESSKEY0001';
  const wrong = 'wrongSecret000000000000000000000000000001';

  test.each<[string, string, () => Partial<S3Settings>]>([
    [
      'a wrong secret',
      'secretKey',
      () => ({ credentials: { accessKeyId: bucket.accessKey, secretAccessKey: wrong } }),
    ],
    [
      'an unknown key',
      'accessKey',
      () => ({ credentials: { accessKeyId: unknown, secretAccessKey: wrong } }),
    ],
    ['another user’s bucket', 'bucket', () => ({ bucket: gateway().other.bucket })],
    ['a missing bucket', 'bucket', () => ({ bucket: 'no-such-bucket' })],
  ])('for %s names the input %s', async (_, setting, overrides) => {
    const debug: string[] = [];
    const log: Log = { ...silentLog, debug: line => debug.push(line) };
    const store = storeFor(bucket, overrides(), { log });
    const upload = store.createUpload('x', { partSizeBytes: 5 * MiB, onlyIfAbsent: true });
    await upload.write(Buffer.from('x'));
    const failures = [
      await store.getRange('x', { suffix: 10 }).catch(error => error),
      await upload.complete().catch(error => error),
    ];
    // radosgw answers HEAD of a missing bucket as that of a missing object.
    if (overrides().bucket !== 'no-such-bucket') failures.push(await store.head('x').catch(error => error));
    for (const failure of failures) {
      expect(failure).toBeInstanceOf(StoreRefusedError);
      expect(failure).toMatchObject({
        settings: [{ input: setting }],
        message: expect.stringContaining(gateway().endpoint),
      });
      expect(failure.message).not.toMatch(/Unknown(Error)?\b|undefined/);
    }
    expect(store.counters.retries).toBe(0);
    const output = [...debug, ...failures.map(failure => failure.message)].join('\n');
    for (const secret of [wrong, bucket.secretKey]) expect(output).not.toContain(secret);
    store.close();
  });
});

test('the debug log has one line for each request', async () => {
  const debug: string[] = [];
  const log: Log = { ...silentLog, debug: line => debug.push(line) };
  const store = storeFor(bucket, {}, { log });
  await store.head('logged');
  await store.getRange('logged', { start: 5, end: 10 });
  expect(debug).toEqual([
    expect.stringMatching(/^s3 HeadObject logged: 404, \d+ ms$/),
    expect.stringMatching(/^s3 GetObject logged bytes=5-9: 404, \d+ ms$/),
  ]);
  store.close();
});
