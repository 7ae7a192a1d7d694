import type { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../../../src/retry/clock.ts';
import { readConnectionSettings } from '../../../../src/storage/s3/transport/agents.ts';
import { readInto, readWhole } from '../../../../src/storage/s3/transport/body.ts';
import { Transport, type TransportResponse } from '../../../../src/storage/s3/transport/transport.ts';
import { writeForever, writeSlowly } from '../../../support/servers/endless.ts';
import { serveTcp } from '../../../support/servers/serve.ts';

let transport: Transport;

beforeEach(() => {
  transport = new Transport(
    readConnectionSettings({ caFile: undefined, environment: process.env }),
    systemClock,
  );
});
afterEach(() => transport.close());

/** Sends a request to a server that calls `answer` once it has received the request. */
async function sendTo(answer: (socket: Socket) => void, idleTimeoutMs = 20_000): Promise<TransportResponse> {
  const port = await serveTcp(socket => socket.once('data', () => answer(socket)));
  return transport.send(
    { method: 'GET', protocol: 'http:', hostname: '127.0.0.1', port, target: '/', headers: { host: 'x' } },
    { connectMs: 5000, idleTimeoutMs },
  );
}

describe('a request settles', () => {
  test.each<[string, (socket: Socket) => void, object]>([
    [
      'when the server switches protocols',
      socket => socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'),
      { name: 'ProtocolError' },
    ],
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
    await expect(sendTo(answer, isLate ? 500 : undefined)).rejects.toMatchObject(error);
  });

  test('when its signal is aborted during an informational response', async () => {
    const controller = new AbortController();
    const port = await serveTcp(socket =>
      socket.once('data', () => {
        socket.write('HTTP/1.1 102 Processing\r\n\r\n');
        setTimeout(() => controller.abort(new Error('cancelled')), 20);
      }),
    );
    const sent = transport.send(
      { method: 'GET', protocol: 'http:', hostname: '127.0.0.1', port, target: '/', headers: { host: 'x' } },
      { signal: controller.signal, connectMs: 5000, idleTimeoutMs: 5000 },
    );
    await expect(sent).rejects.toThrow('cancelled');
  });
});

test('a response after informational ones is received', async () => {
  const { status, body } = await sendTo(socket =>
    socket.write('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'),
  );
  expect(status).toBe(200);
  expect(String(await readWhole(body, 10))).toBe('ok');
});

describe('a body', () => {
  const head = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n';
  const dripping = (socket: Socket) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n');
    writeSlowly(socket, 'x', 20);
  };

  test('without end is destroyed at its bound', async () => {
    const { body } = await sendTo(socket => {
      socket.write('HTTP/1.1 500 Error\r\n\r\n');
      writeForever(socket, 'x');
    });
    await expect(readWhole(body, 1000)).rejects.toThrow('longer than 1000 bytes');
    expect(body.destroyed).toBe(true);
  });

  test('that drips in is given up', async () => {
    const { body } = await sendTo(dripping, 500);
    await expect(readWhole(body, 1000)).rejects.toMatchObject({
      name: 'TimeoutError',
      message: 'less than 512 bytes within 0.5 s',
    });
  });

  test('that is never read is given up', async () => {
    const { body } = await sendTo(dripping, 500);
    await expect.poll(() => body.destroyed, { timeout: 60_000 }).toBe(true);
  });

  test.each([
    ['chunk extensions', '5;'],
    ['trailers', '0\r\nx: '],
  ])('with %s without end is an error', async (_, start) => {
    const { body } = await sendTo(socket => {
      socket.write(head + start);
      writeForever(socket, 'x');
    });
    await expect(readWhole(body, 1000)).rejects.toMatchObject({
      code: expect.stringMatching(/^HPE_|ECONNRESET/),
    });
  });

  test('that is longer than the range is an error at once', async () => {
    const { body } = await sendTo(socket => {
      socket.write(head);
      writeForever(socket, `5\r\nhello\r\n`);
    });
    const target = { bytes: new Uint8Array(1000), filled: 0 };
    await expect(readInto(target, body, () => {})).rejects.toMatchObject({ name: 'ProtocolError' });
    expect(target.filled).toBeLessThanOrEqual(1000);
  });

  test('that ends early is a broken connection', async () => {
    const { body } = await sendTo(socket => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf'));
    const target = { bytes: new Uint8Array(10), filled: 0 };
    await expect(readInto(target, body, () => {})).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(target.filled).toBe(4);
  });
});
