import type { IncomingHttpHeaders } from 'node:http';
import { expect, test } from 'vitest';
import { scriptedServer } from '../scripted-server.ts';

/** The MD5 of no bytes, in base64. */
const MD5 = '1B2M2Y8AsgTpgAmY7PhCfg==';

test('an object without bytes is stored by one request, with the encryption of the settings', async () => {
  const headers: IncomingHttpHeaders[] = [];
  const server = await scriptedServer((_, request) => {
    headers.push(request.headers);
    return { headers: { etag: '"e"' } };
  });
  await server.store({ encryption: { algorithm: 'AES256', kmsKeyId: undefined } }).putEmpty('x');
  expect(server.requests).toEqual(['PutObject /bucket/x']);
  expect(headers[0]).toMatchObject({ 'content-length': '0', 'x-amz-server-side-encryption': 'AES256' });
});

test('an object without bytes is stored with its MD5 where the bucket requires that', async () => {
  const body =
    '<Error><Code>InvalidRequest</Code><Message>Content-MD5 OR x-amz-checksum- HTTP header is required</Message></Error>';
  const sent: (string | undefined)[] = [];
  const server = await scriptedServer((_, { headers }) => {
    sent.push(headers['content-md5'] as string | undefined);
    return headers['content-md5'] ? { headers: { etag: '"e"' } } : { status: 400, body };
  });
  const store = server.store();
  await store.putEmpty('x');
  await store.putEmpty('y');
  expect(sent).toEqual([undefined, MD5, MD5]);
});

test('an object without bytes that is optional is sent one time only', async () => {
  const server = await scriptedServer(() => 'reset');
  await expect(server.store({ attempts: 3 }).putEmpty('x', { optional: true })).rejects.toThrow();
  expect(server.operations).toEqual(['PutObject']);
});
