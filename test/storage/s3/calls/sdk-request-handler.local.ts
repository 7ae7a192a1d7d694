import type { IncomingMessage } from 'node:http';
import type { HttpRequest } from '@smithy/types';
import { afterEach, expect, test } from 'vitest';
import { systemClock } from '../../../../src/retry/clock.ts';
import { TimeLimits } from '../../../../src/retry/time-limits.ts';
import { SdkRequestHandler } from '../../../../src/storage/s3/calls/sdk-request-handler.ts';
import { readConnectionSettings } from '../../../../src/storage/s3/transport/agents.ts';
import { Transport } from '../../../../src/storage/s3/transport/transport.ts';
import { serveHttp } from '../../../support/servers/serve.ts';
import { shortLimits } from '../support.ts';

const closers: (() => void)[] = [];

afterEach(() => {
  for (const close of closers.splice(0)) close();
});

function openHandler() {
  const limits = new TimeLimits(systemClock, shortLimits);
  const handler = new SdkRequestHandler(
    new Transport(readConnectionSettings({ caFile: undefined, environment: process.env }), systemClock),
    limits,
    'cache-s3/1.2.3',
  );
  closers.push(() => handler.destroy());
  return { handler, limits };
}

function sdkRequest(port: number, overrides: Partial<HttpRequest> = {}): HttpRequest {
  return {
    protocol: 'http:',
    hostname: '127.0.0.1',
    port,
    method: 'GET',
    path: '/bucket/key',
    query: {},
    headers: { host: 'x' },
    ...overrides,
  };
}

test('the handler sends the request as it was signed, with its own user agent', async () => {
  const seen = Promise.withResolvers<IncomingMessage>();
  const port = await serveHttp((from, to) => {
    seen.resolve(from);
    to.end();
  });
  await openHandler().handler.handle(
    sdkRequest(port, {
      path: '/bucket/a%20b',
      query: { uploads: '', prefix: "a b/c+d'(é)*", many: ['1', '2'] },
      headers: { host: 'signed.example', 'x-amz-date': 'now', 'user-agent': 'aws-sdk-js/3' },
    }),
  );
  const { url, headers } = await seen.promise;
  expect(url).toBe('/bucket/a%20b?uploads=&prefix=a%20b%2Fc%2Bd%27%28%C3%A9%29%2A&many=1&many=2');
  expect(headers).toMatchObject({
    host: 'signed.example',
    'x-amz-date': 'now',
    'user-agent': 'cache-s3/1.2.3',
  });
});

test.each([
  ['Thu, 01 Jan 2026 00:00:00 GMT', 'Thu, 01 Jan 2026 00:00:00 GMT'],
  ['2026-01-01T00:00:00Z', 'Thu, 01 Jan 2026 00:00:00 GMT'],
  ['Thu, 01 Jan 2026 00:00:00 UTC', 'Thu, 01 Jan 2026 00:00:00 GMT'],
  ['yesterday', undefined],
  ['Wed, 01 Jan 20260 00:00:00 GMT', undefined],
])(
  'the SDK gets Last-Modified: %s as %s, because it refuses a response with another form',
  async (sent, passed) => {
    const port = await serveHttp((_, to) => to.setHeader('last-modified', sent).end());
    const { response } = await openHandler().handler.handle(sdkRequest(port));
    expect(response.headers['last-modified']).toBe(passed);
  },
);

test('the handler keeps the clock of the server and lengthens the limits after the first response', async () => {
  const port = await serveHttp((_, to) => to.setHeader('date', 'Sat, 01 Aug 2026 10:00:00 GMT').end());
  const { handler, limits } = openHandler();
  expect(handler.serverTimeMs).toBeUndefined();
  await handler.handle(sdkRequest(port));
  expect(handler.serverTimeMs).toBe(Date.UTC(2026, 7, 1, 10));
  expect(limits.request.idleTimeoutMs).toBe(shortLimits.idleTimeoutMs);
});

test('the handler does not keep a clock of the server that has no year of four digits', async () => {
  const port = await serveHttp((_, to) => to.setHeader('date', 'Sat, 13 Sep 275760 00:00:00 GMT').end());
  const { handler } = openHandler();
  await handler.handle(sdkRequest(port));
  expect(handler.serverTimeMs).toBeUndefined();
});
