import type { Readable } from 'node:stream';
import type { HttpRequest } from '@smithy/types';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../../../src/retry/clock.ts';
import { TIME_LIMITS, TimeLimits } from '../../../../src/retry/time-limits.ts';
import { createConnection } from '../../../../src/storage/s3/calls/client.ts';
import { createRepeatedSigner } from '../../../../src/storage/s3/calls/repeated-request.ts';
import { GetObjectCommand, type S3Client } from '../../../../src/storage/s3/calls/sdk.ts';
import type { SdkRequestHandler } from '../../../../src/storage/s3/calls/sdk-request-handler.ts';
import { readWhole } from '../../../../src/storage/s3/transport/body.ts';
import { type FaultProxy, startFaultProxy } from '../../../support/servers/fault-proxy.ts';
import { type MemoryServer, startMemoryServer } from '../../../support/servers/memory-server.ts';
import { silentLog } from '../../../support/silent-log.ts';
import { createS3Settings } from '../support.ts';

const name = 'a b/ä+=.tar.zst';
let server: MemoryServer;
let proxy: FaultProxy;
let client: S3Client;
let handler: SdkRequestHandler;
let signRepeated: ReturnType<typeof createRepeatedSigner>;
/** Requests that the SDK has made. */
let bySdk: number;

beforeEach(async () => {
  server = await startMemoryServer();
  proxy = await startFaultProxy(server.endpoint);
  const body = '0123456789';
  await fetch(`${server.endpoint}/bucket/${encodeURIComponent(name).replace('%2F', '/')}`, {
    method: 'PUT',
    body,
  });
  const settings = createS3Settings({ endpoint: new URL(proxy.endpoint), bucket: 'bucket' });
  const limits = new TimeLimits(systemClock, TIME_LIMITS);
  const options = { log: silentLog, clock: systemClock, userAgent: 'test', mask: () => {} };
  ({ client, handler } = createConnection(settings, limits, options));
  signRepeated = createRepeatedSigner();
  bySdk = 0;
});
afterEach(async () => {
  client.destroy();
  await proxy.close();
  await server.close();
});

/** Signs a request for a range of the object. */
function sign(range: string, etag?: string): Promise<HttpRequest> {
  const condition = etag && `"${etag}"`;
  const makeCommand = () => {
    bySdk++;
    return new GetObjectCommand({ Bucket: 'bucket', Key: name, Range: range, IfMatch: condition });
  };
  const difference = { headers: { range, 'if-match': condition } };
  return signRepeated(client, { operation: 'GetObject', name }, makeCommand, difference);
}

async function read(range: string, etag?: string): Promise<string> {
  const { body } = await handler.exchange(await sign(range, etag), { maxBodyBytes: 'stream' });
  return (await readWhole(body as Readable, 100)).toString();
}

test('the SDK makes the first request without sending it, and only signs those that follow', async () => {
  expect(await read('bytes=0-3')).toBe('0123');
  expect(await read('bytes=4-6')).toBe('456');
  expect(await read('bytes=7-9')).toBe('789');
  expect(bySdk).toBe(1);
  expect(proxy.requests.map(({ range }) => range)).toEqual(['bytes=0-3', 'bytes=4-6', 'bytes=7-9']);
});

test('a condition of one request is not sent with the next one', async () => {
  await read('bytes=0-0');
  await expect(read('bytes=0-3', 'another')).rejects.toMatchObject({ status: 412 });
  expect(await read('bytes=4-6')).toBe('456');
});

test('a refusal is an error with the status and the code of the response', async () => {
  await read('bytes=0-0');
  const body = '<Error><Code>SlowDown</Code><Message>too fast</Message></Error>';
  proxy.rule = () => ({ kind: 'answer', status: 503, body });
  await expect(read('bytes=0-3')).rejects.toMatchObject({ status: 503, code: 'SlowDown' });
  expect(proxy.requests).toHaveLength(2);
});

test('a request after the first one is signed for its own range, with the name in the same encoding', async () => {
  const first = await sign('bytes=0-0');
  const [second, third] = [await sign('bytes=0-3'), await sign('bytes=0-4')];
  expect(second.path).toBe(first.path);
  expect(second.headers.authorization).toMatch(/SignedHeaders=[^,]*range/);
  expect(second.headers.authorization).not.toBe(third.headers.authorization);
  expect(Object.keys(second.headers)).not.toContain('amz-sdk-request');
  expect(proxy.requests).toEqual([]);
});
