import { once } from 'node:events';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { HttpRequest } from '@smithy/types';
import { afterEach, expect, test } from 'vitest';
import { systemClock } from '../../../../src/retry/clock.ts';
import { TimeLimits } from '../../../../src/retry/time-limits.ts';
import { createAgents } from '../../../../src/storage/s3/transport/agents.ts';
import { WatchedHttpHandler } from '../../../../src/storage/s3/transport/http-handler.ts';
import { shortLimits } from '../support.ts';

const closers: (() => void)[] = [];

afterEach(() => {
  for (const close of closers.splice(0)) close();
});

async function serve(answer: (from: IncomingMessage, to: ServerResponse) => void): Promise<number> {
  const server = http.createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

function handler(environment: NodeJS.ProcessEnv = {}) {
  const limits = new TimeLimits(systemClock, shortLimits);
  const watched = new WatchedHttpHandler(
    createAgents(undefined, environment),
    limits,
    systemClock,
    'cache-s3/1.2.3',
  );
  closers.push(() => watched.destroy());
  return { watched, limits };
}

function request(port: number, overrides: Partial<HttpRequest> = {}): HttpRequest {
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

test('sends the request as it was signed, under our own name', async () => {
  const seen = Promise.withResolvers<IncomingMessage>();
  const port = await serve((from, to) => {
    seen.resolve(from);
    to.end();
  });
  const { watched } = handler();
  await watched.handle(
    request(port, {
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

test('notes the server’s clock and that it has answered', async () => {
  const port = await serve((_, to) => to.setHeader('date', 'Sat, 01 Aug 2026 10:00:00 GMT').end());
  const { watched, limits } = handler();
  expect(watched.serverTimeMs).toBeUndefined();
  await watched.handle(request(port));
  expect(watched.serverTimeMs).toBe(Date.UTC(2026, 7, 1, 10));
  expect(limits.request.idleMs).toBe(shortLimits.idleMs);
});

test('a body that trickles in is no silence, in either direction', async () => {
  const port = await serve(async (from, to) => {
    const sent = await buffer(from);
    to.writeHead(200);
    for (let i = 0; i < 4; i++) {
      to.write('x');
      await new Promise(resolve => setTimeout(resolve, 100));
    }
    to.end(String(sent.length));
  });
  async function* trickle() {
    for (let i = 0; i < 4; i++) {
      yield Buffer.from('y');
      await new Promise(resolve => setTimeout(resolve, 100));
    }
  }
  const body = Readable.from(trickle(), { objectMode: false });
  const { watched } = handler();
  const { response } = await watched.handle(request(port, { method: 'PUT', body }));
  expect(String(await buffer(response.body))).toBe('xxxx4');
});

test('silence in the middle of a body breaks it off', async () => {
  const port = await serve((_, to) => void to.writeHead(200, { 'content-length': 10 }).write('half'));
  const { response } = await handler().watched.handle(request(port));
  await expect(buffer(response.body)).rejects.toMatchObject({ name: 'TimeoutError' });
});

test('a server that stops reading a body is silent', async () => {
  const port = await serve((from, to) => {
    from.once('data', () => from.pause());
    to.on('error', () => {});
  });
  const pieces = Array.from({ length: 64 }, () => Buffer.alloc(1024 * 1024));
  const body = Readable.from(pieces, { objectMode: false });
  await expect(handler().watched.handle(request(port, { method: 'PUT', body }))).rejects.toMatchObject({
    name: 'TimeoutError',
  });
});

test('a signal ends a request and a body with its own reason', async () => {
  const port = await serve((from, to) => {
    if (from.url === '/body') to.writeHead(200, { 'content-length': 10 }).write('half');
  });
  const { watched } = handler();
  const waiting = new AbortController();
  const ended = watched.handle(request(port, { path: '/none' }), { abortSignal: waiting.signal });
  setTimeout(() => waiting.abort(new Error('cancelled')), 20);
  await expect(ended).rejects.toThrow('cancelled');
  await expect(watched.handle(request(port), { abortSignal: waiting.signal })).rejects.toThrow('cancelled');
  const reading = new AbortController();
  const { response } = await watched.handle(request(port, { path: '/body' }), {
    abortSignal: reading.signal,
  });
  setTimeout(() => reading.abort(new Error('cancelled')), 20);
  await expect(buffer(response.body)).rejects.toThrow('cancelled');
});

test('a refusal before the body is through is an answer, and the rest is not sent', async () => {
  const port = await serve((_, to) => void to.writeHead(403).end('denied'));
  const pieces = Array.from({ length: 64 }, () => Buffer.alloc(1024 * 1024));
  const body = Readable.from(pieces, { objectMode: false });
  const { response } = await handler().watched.handle(
    request(port, { method: 'PUT', headers: { 'content-length': String(64 * 1024 * 1024) }, body }),
  );
  expect(response.statusCode).toBe(403);
  expect(String(await buffer(response.body))).toBe('denied');
  if (!body.destroyed) await once(body, 'close');
  expect(body.readableEnded).toBe(false);
});

test('one connection serves request after request', async () => {
  const ports = new Set<number | undefined>();
  const port = await serve((from, to) => {
    ports.add(from.socket.remotePort);
    to.end('x');
  });
  const { watched } = handler();
  for (let i = 0; i < 3; i++) {
    const { response } = await watched.handle(request(port));
    await buffer(response.body);
    await new Promise(resolve => setImmediate(resolve));
  }
  expect(ports.size).toBe(1);
});

test('goes through the proxy of the environment, but not where NO_PROXY says so', async () => {
  const proxied: (string | undefined)[] = [];
  const proxyPort = await serve((from, to) => {
    proxied.push(from.url);
    to.end('by proxy');
  });
  const port = await serve((_, to) => void to.end('directly'));
  const proxy = { HTTP_PROXY: `http://127.0.0.1:${proxyPort}` };
  const through = await handler(proxy).watched.handle(
    request(port, { headers: { host: `127.0.0.1:${port}` } }),
  );
  expect(String(await buffer(through.response.body))).toBe('by proxy');
  expect(proxied).toEqual([`http://127.0.0.1:${port}/bucket/key`]);
  const past = await handler({ ...proxy, NO_PROXY: '127.0.0.1' }).watched.handle(request(port));
  expect(String(await buffer(past.response.body))).toBe('directly');
});

test.each(['http_proxy', 'HTTP_PROXY'])('a proxy without a scheme in %s is one by http', async name => {
  const proxyPort = await serve((_, to) => void to.end('by proxy'));
  const port = await serve((_, to) => void to.end('directly'));
  const through = await handler({ [name]: `127.0.0.1:${proxyPort}` }).watched.handle(
    request(port, { headers: { host: `127.0.0.1:${port}` } }),
  );
  expect(String(await buffer(through.response.body))).toBe('by proxy');
});

test('a proxy variable that is no URL is refused and named', () => {
  expect(() => createAgents(undefined, { HTTPS_PROXY: 'http://user:hush@[broken' })).toThrow(
    expect.objectContaining({ name: 'StoreRefusedError', lookAt: "the runner's environment" }),
  );
  expect(() => createAgents(undefined, { HTTPS_PROXY: 'http://user:hush@[broken' })).not.toThrow(/hush/);
});
