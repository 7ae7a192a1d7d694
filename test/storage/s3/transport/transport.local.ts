import { once } from 'node:events';
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { readWhole } from '../../../../src/storage/s3/transport/body.ts';
import { UPGRADE, writeForever, writeSlowly } from '../../../support/servers/hostile-socket.ts';
import { serveHttp, serveTcp } from '../../../support/servers/serve.ts';
import { MiB } from '../../../support/sizes.ts';
import { useTransport } from './use-transport.ts';

const transport = useTransport();

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
  const { body } = await transport.send(port, { method: 'PUT', body: bodyOf(trickle()) }, limits);
  expect(String(await buffer(body))).toBe(`${'x'.repeat(6 * 4096)}6`);
});

test('a body that stops in the middle fails with a time-out', async () => {
  const port = await serveHttp((_, to) => void to.writeHead(200, { 'content-length': 10 }).write('half'));
  const { body } = await transport.send(port, {}, { idleTimeoutMs: 300 });
  await expect(buffer(body)).rejects.toMatchObject({ name: 'TimeoutError' });
});

test('a server that stops reading the request body is idle', async () => {
  const port = await serveHttp((from, to) => {
    from.once('data', () => from.pause());
    to.on('error', () => {});
  });
  const body = bodyOf(Array.from({ length: 64 }, () => Buffer.alloc(MiB)));
  const sending = transport.send(port, { method: 'PUT', body }, { idleTimeoutMs: 300 });
  await expect(sending).rejects.toMatchObject({ name: 'TimeoutError' });
});

test('an aborted signal ends a request and a body with its own reason', async () => {
  const port = await serveHttp((from, to) => {
    if (from.url === '/body') to.writeHead(200, { 'content-length': 10 }).write('half');
  });
  const waiting = new AbortController();
  const ended = transport.send(port, { target: '/none' }, { signal: waiting.signal });
  setTimeout(() => waiting.abort(new Error('cancelled')), 20);
  await expect(ended).rejects.toThrow('cancelled');
  await expect(transport.send(port, {}, { signal: waiting.signal })).rejects.toThrow('cancelled');
  const reading = new AbortController();
  const { body } = await transport.send(port, { target: '/body' }, { signal: reading.signal });
  setTimeout(() => reading.abort(new Error('cancelled')), 20);
  await expect(buffer(body)).rejects.toThrow('cancelled');
});

test('a refusal before the request body is sent is a response, and the rest is not sent', async () => {
  const port = await serveHttp((_, to) => void to.writeHead(403).end('denied'));
  const sent = bodyOf(Array.from({ length: 64 }, () => Buffer.alloc(MiB)));
  const { status, body } = await transport.send(port, {
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
    const { body } = await transport.send(port);
    await buffer(body);
    await new Promise(resolve => setImmediate(resolve));
  }
  expect(ports.size).toBe(1);
});

describe('a request settles', () => {
  test.each<[string, (socket: Socket) => void, object]>([
    ['when the server switches protocols', socket => socket.write(UPGRADE), { name: 'ProtocolError' }],
    [
      'when the server switches protocols without naming one',
      socket => socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n'),
      { name: 'ProtocolError' },
    ],
    ['when the connection ends without a response', socket => socket.end(), { code: 'ECONNRESET' }],
    ['when the connection is reset', socket => socket.resetAndDestroy(), { code: 'ECONNRESET' }],
    ['when the head ends early', socket => socket.end('HTTP/1.1 200 OK\r\nx: '), { code: 'ECONNRESET' }],
    [
      'when the response is not HTTP',
      socket => socket.write('hello\r\n\r\n'),
      { code: 'HPE_INVALID_CONSTANT' },
    ],
    [
      'when the connection ends after an informational response',
      socket => socket.end('HTTP/1.1 100 Continue\r\n\r\n'),
      { code: 'ECONNRESET' },
    ],
    [
      'when informational responses have no end',
      socket => writeForever(socket, 'HTTP/1.1 103 Early Hints\r\n\r\n'),
      { name: 'ProtocolError' },
    ],
    [
      'when a header has no end',
      socket => {
        socket.write('HTTP/1.1 200 OK\r\nx: ');
        writeForever(socket, 'x');
      },
      { code: 'HPE_HEADER_OVERFLOW' },
    ],
    [
      'when headers have no end',
      socket => {
        socket.write('HTTP/1.1 200 OK\r\n');
        writeForever(socket, 'x: y\r\n');
      },
      { code: 'HPE_HEADER_OVERFLOW' },
    ],
    [
      'when a head drips in',
      socket => {
        socket.write('HTTP/1.1 200 OK\r\nx: ');
        writeSlowly(socket, 'x', 20);
      },
      { name: 'TimeoutError', message: 'no response within 0.5 s' },
    ],
  ])('%s', async (_, answer, error) => {
    const isLate = 'name' in error && error.name === 'TimeoutError';
    await expect(transport.sendTo(answer, isLate ? 500 : undefined)).rejects.toMatchObject(error);
  });

  test('when its signal is aborted during an informational response', async () => {
    const controller = new AbortController();
    const port = await serveTcp(socket =>
      socket.once('data', () => {
        socket.write('HTTP/1.1 102 Processing\r\n\r\n');
        setTimeout(() => controller.abort(new Error('cancelled')), 20);
      }),
    );
    const sent = transport.send(port, {}, { signal: controller.signal });
    await expect(sent).rejects.toThrow('cancelled');
  });
});

test('a response after informational ones is received', async () => {
  const { status, body } = await transport.sendTo(socket =>
    socket.write('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'),
  );
  expect(status).toBe(200);
  expect(String(await readWhole(body, 10))).toBe('ok');
});

test.each([
  ['chunk extensions', '5;'],
  ['trailers', '0\r\nx: '],
])('a body with %s without end is an error', async (_, start) => {
  const { body } = await transport.sendTo(socket => {
    socket.write(`HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${start}`);
    writeForever(socket, 'x');
  });
  await expect(readWhole(body, 1000)).rejects.toMatchObject({
    code: expect.stringMatching(/^HPE_|ECONNRESET/),
  });
});
