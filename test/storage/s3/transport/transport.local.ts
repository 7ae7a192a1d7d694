import { once } from 'node:events';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { systemClock } from '../../../../src/retry/clock.ts';
import { readConnectionSettings } from '../../../../src/storage/s3/transport/agents.ts';
import {
  type SendOptions,
  Transport,
  type TransportRequest,
} from '../../../../src/storage/s3/transport/transport.ts';
import { serveHttp } from '../../../support/servers/serve.ts';
import { MiB } from '../../../support/sizes.ts';

let transport: Transport;

beforeEach(() => {
  for (const name of Object.keys(process.env)) if (/_proxy$/i.test(name)) vi.stubEnv(name, undefined);
  transport = new Transport(
    readConnectionSettings({ caFile: undefined, environment: process.env }),
    systemClock,
  );
});
afterEach(() => {
  transport.close();
  vi.unstubAllEnvs();
});

/** Sends to a port of the loopback interface, with limits that a busy machine keeps. */
function send(port: number, request: Partial<TransportRequest> = {}, options: Partial<SendOptions> = {}) {
  return transport.send(
    {
      method: 'GET',
      protocol: 'http:',
      hostname: '127.0.0.1',
      port,
      target: '/bucket/key',
      headers: { host: `127.0.0.1:${port}` },
      ...request,
    },
    { connectMs: 20_000, idleTimeoutMs: 20_000, ...options },
  );
}

function bodyOf(pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Readable {
  return Readable.from(pieces, { objectMode: false });
}

test('a body that trickles in either direction is not idle', async () => {
  const port = await serveHttp(async (from, to) => {
    const sent = await buffer(from);
    to.writeHead(200);
    for (let i = 0; i < 6; i++) {
      to.write('x'.repeat(4096));
      await delay(400);
    }
    to.end(String(sent.length));
  });
  async function* trickle() {
    for (let i = 0; i < 6; i++) {
      yield Buffer.from('y');
      await delay(400);
    }
  }
  const limits = { idleTimeoutMs: 2000 };
  const { body } = await send(port, { method: 'PUT', body: bodyOf(trickle()) }, limits);
  expect(String(await buffer(body))).toBe(`${'x'.repeat(6 * 4096)}6`);
});

test('a body that stops in the middle fails with a time-out', async () => {
  const port = await serveHttp((_, to) => void to.writeHead(200, { 'content-length': 10 }).write('half'));
  const { body } = await send(port, {}, { idleTimeoutMs: 300 });
  await expect(buffer(body)).rejects.toMatchObject({ name: 'TimeoutError' });
});

test('a server that stops reading the request body is idle', async () => {
  const port = await serveHttp((from, to) => {
    from.once('data', () => from.pause());
    to.on('error', () => {});
  });
  const body = bodyOf(Array.from({ length: 64 }, () => Buffer.alloc(MiB)));
  const sending = send(port, { method: 'PUT', body }, { idleTimeoutMs: 300 });
  await expect(sending).rejects.toMatchObject({ name: 'TimeoutError' });
});

test('an aborted signal ends a request and a body with its own reason', async () => {
  const port = await serveHttp((from, to) => {
    if (from.url === '/body') to.writeHead(200, { 'content-length': 10 }).write('half');
  });
  const waiting = new AbortController();
  const ended = send(port, { target: '/none' }, { signal: waiting.signal });
  setTimeout(() => waiting.abort(new Error('cancelled')), 20);
  await expect(ended).rejects.toThrow('cancelled');
  await expect(send(port, {}, { signal: waiting.signal })).rejects.toThrow('cancelled');
  const reading = new AbortController();
  const { body } = await send(port, { target: '/body' }, { signal: reading.signal });
  setTimeout(() => reading.abort(new Error('cancelled')), 20);
  await expect(buffer(body)).rejects.toThrow('cancelled');
});

test('a refusal before the request body is sent is a response, and the rest is not sent', async () => {
  const port = await serveHttp((_, to) => void to.writeHead(403).end('denied'));
  const sent = bodyOf(Array.from({ length: 64 }, () => Buffer.alloc(MiB)));
  const { status, body } = await send(port, {
    method: 'PUT',
    headers: { 'content-length': String(64 * MiB) },
    body: sent,
  });
  expect(status).toBe(403);
  expect(String(await buffer(body))).toBe('denied');
  if (!sent.destroyed) await once(sent, 'close');
  expect(sent.readableEnded).toBe(false);
});

test('one connection serves several requests', async () => {
  const ports = new Set<number | undefined>();
  const port = await serveHttp((from, to) => {
    ports.add(from.socket.remotePort);
    to.end('x');
  });
  for (let i = 0; i < 3; i++) {
    const { body } = await send(port);
    await buffer(body);
    await new Promise(resolve => setImmediate(resolve));
  }
  expect(ports.size).toBe(1);
});

test('requests go through the proxy of the environment, except to hosts in NO_PROXY', async () => {
  const proxied: (string | undefined)[] = [];
  const proxyPort = await serveHttp((from, to) => {
    proxied.push(from.url);
    to.end('by proxy');
  });
  const port = await serveHttp((_, to) => void to.end('directly'));
  vi.stubEnv('HTTP_PROXY', `http://127.0.0.1:${proxyPort}`);
  expect(await textFrom(port)).toBe('by proxy');
  expect(proxied).toEqual([`http://127.0.0.1:${port}/bucket/key`]);
  vi.stubEnv('NO_PROXY', '127.0.0.1');
  expect(await textFrom(port)).toBe('directly');
});

test.each(['http_proxy', 'HTTP_PROXY'])('a proxy without a scheme in %s is used by http', async name => {
  const proxyPort = await serveHttp((_, to) => void to.end('by proxy'));
  const port = await serveHttp((_, to) => void to.end('directly'));
  vi.stubEnv(name, `127.0.0.1:${proxyPort}`);
  expect(await textFrom(port)).toBe('by proxy');
});

/** The body that a transport of the present environment receives. */
async function textFrom(port: number): Promise<string> {
  transport.close();
  transport = new Transport(
    readConnectionSettings({ caFile: undefined, environment: process.env }),
    systemClock,
  );
  return String(await buffer((await send(port)).body));
}

test('a proxy variable that is no URL is refused without its password', () => {
  vi.stubEnv('HTTPS_PROXY', 'http://user:hush@[broken');
  expect(
    () => new Transport(readConnectionSettings({ caFile: undefined, environment: process.env }), systemClock),
  ).toThrow(
    expect.objectContaining({
      name: 'StoreRefusedError',
      setting: "the runner's environment",
      message: expect.not.stringContaining('hush'),
    }),
  );
});

test('a proxy by https is refused where the environment turns off the check of its certificate', () => {
  vi.stubEnv('HTTPS_PROXY', 'https://proxy.example.org:3128');
  vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
  expect(
    () => new Transport(readConnectionSettings({ caFile: undefined, environment: process.env }), systemClock),
  ).toThrow(expect.objectContaining({ name: 'StoreRefusedError', setting: "the runner's environment" }));
});
