import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../../../src/retry/clock.ts';
import { TIME_LIMITS, TimeLimits } from '../../../../src/retry/time-limits.ts';
import { connect } from '../../../../src/storage/s3/calls/client.ts';
import { RepeatedRequest } from '../../../../src/storage/s3/calls/repeated-request.ts';
import { GetObjectCommand, type S3Client } from '../../../../src/storage/s3/calls/sdk.ts';
import type { SdkHandlerOptions } from '../../../../src/storage/s3/calls/sdk-request-handler.ts';
import { httpStatus, s3Code } from '../../../../src/storage/s3/errors/classify.ts';
import { readWhole } from '../../../../src/storage/s3/transport/body.ts';
import { type FaultProxy, startFaultProxy } from '../../../support/servers/fault-proxy.ts';
import { type MemoryServer, startMemoryServer } from '../../../support/servers/memory-server.ts';
import { createS3Settings } from '../support.ts';

const name = 'a b/ä+=.tar.zst';
let server: MemoryServer;
let proxy: FaultProxy;
let client: S3Client;
let request: RepeatedRequest;
/** Requests that the SDK has got. */
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
  ({ client } = connect(settings, limits, { clock: systemClock, userAgent: 'test', mask: () => {} }));
  request = new RepeatedRequest(client);
  bySdk = 0;
});
afterEach(async () => {
  client.destroy();
  await proxy.close();
  await server.close();
});

async function read(range: string, etag?: string): Promise<string> {
  const condition = etag && `"${etag}"`;
  const send = (options: SdkHandlerOptions) => {
    bySdk++;
    return client.send(
      new GetObjectCommand({ Bucket: 'bucket', Key: name, Range: range, IfMatch: condition }),
      options,
    );
  };
  const difference = { headers: { range, 'if-match': condition } };
  const { body } = await request.send(send, difference, { maxBodyBytes: 'stream' });
  return (await readWhole(body, 100)).toString();
}

test('the SDK makes the first request, and only signs those that follow', async () => {
  expect(await read('bytes=0-3')).toBe('0123');
  expect(await read('bytes=4-6')).toBe('456');
  expect(await read('bytes=7-9')).toBe('789');
  expect(bySdk).toBe(1);
  expect(proxy.requests.map(({ range }) => range)).toEqual(['bytes=0-3', 'bytes=4-6', 'bytes=7-9']);
});

test('a condition of one request is not sent with the next one', async () => {
  await read('bytes=0-0');
  await expect(read('bytes=0-3', 'another')).rejects.toSatisfy(error => httpStatus(error) === 412);
  expect(await read('bytes=4-6')).toBe('456');
});

test('the error of a refusal is that of the SDK, without a second request', async () => {
  await read('bytes=0-0');
  const body = '<Error><Code>SlowDown</Code><Message>too fast</Message></Error>';
  proxy.rule = () => ({ kind: 'answer', status: 503, body });
  const error = await read('bytes=0-3').catch(caught => caught);
  expect([httpStatus(error), s3Code(error)]).toEqual([503, 'SlowDown']);
  expect(proxy.requests).toHaveLength(2);
});

test('a request after the first one is signed for its own range, with the name in the same encoding', async () => {
  const headers: Record<string, string>[] = [];
  const seen: SdkHandlerOptions['send'] = async sent => {
    headers.push({ ...sent.headers, target: sent.target });
    throw new Error('not sent');
  };
  await read('bytes=0-0');
  const difference = (range: string) => ({ headers: { range } });
  for (const range of ['bytes=0-3', 'bytes=0-4'])
    await request.send(async () => {}, difference(range), { send: seen }).catch(() => {});
  const [first, second] = headers;
  expect(first!.target).toBe(proxy.requests[0]!.url);
  expect(first!.authorization).toMatch(/SignedHeaders=[^,]*range/);
  expect(first!.authorization).not.toBe(second!.authorization);
  expect(Object.keys(first!)).not.toContain('amz-sdk-request');
});
