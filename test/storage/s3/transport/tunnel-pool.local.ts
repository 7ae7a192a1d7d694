import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import https from 'node:https';
import net, { type Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, onTestFinished, test, vi } from 'vitest';
import { systemClock } from '../../../../src/retry/clock.ts';
import { readConnectionSettings } from '../../../../src/storage/s3/transport/agents.ts';
import { Transport } from '../../../../src/storage/s3/transport/transport.ts';
import { scratch } from '../../../support/scratch.ts';
import { makeCertificates } from '../../../support/servers/certificates.ts';
import { writeForever } from '../../../support/servers/endless.ts';
import { serveTcp } from '../../../support/servers/serve.ts';
import { useTransport } from './use-transport.ts';

const transport = useTransport();

/** Sends a request by https through a proxy that calls `answer` once it has received CONNECT. */
async function sendThrough(answer: (socket: Socket) => void, connectMs = 20_000) {
  const proxy = await serveTcp(socket => {
    socket.on('error', () => {});
    socket.once('data', () => answer(socket));
  });
  vi.stubEnv('HTTPS_PROXY', `http://127.0.0.1:${proxy}`);
  transport.reopen();
  return transport.send(443, { protocol: 'https:', hostname: 's3.example.com' }, { connectMs });
}

test('a request ends at its connection limit when a proxy opens a tunnel in which nothing responds', async () => {
  const sent = sendThrough(socket => void socket.write('HTTP/1.1 200 OK\r\n\r\n'), 300);
  await expect(sent).rejects.toMatchObject({ name: 'TimeoutError', message: 'no connection within 0.3 s' });
});

test('a request ends with the reason of its signal while it waits for a tunnel', async () => {
  const controller = new AbortController();
  const proxy = await serveTcp(
    socket => void socket.once('data', () => controller.abort(new Error('cancelled'))),
  );
  vi.stubEnv('HTTPS_PROXY', `http://127.0.0.1:${proxy}`);
  transport.reopen();
  const request = { protocol: 'https:', hostname: 's3.example.com' };
  await expect(transport.send(443, request, { signal: controller.signal })).rejects.toThrow('cancelled');
});

test('a response to CONNECT without end is refused at its bound, and the connection is closed', async () => {
  const { promise: closed, resolve: onClose } = Promise.withResolvers<void>();
  const sent = sendThrough(socket => {
    socket.once('close', () => onClose());
    writeForever(socket, `X: ${'y'.repeat(1000)}\r\n`);
  });
  await expect(sent).rejects.toMatchObject({ code: 'ERR_PROXY_TUNNEL' });
  await closed;
});

async function writeByteByByte(socket: Socket, text: string): Promise<void> {
  for (const byte of text) {
    socket.write(byte);
    await delay(5);
  }
}

test('a refusal of CONNECT may come in many pieces', async () => {
  const sent = sendThrough(socket =>
    writeByteByByte(socket, `HTTP/1.1 403 Forbidden\r\nX: ${'y'.repeat(30)}\r\n\r\n`),
  );
  await expect(sent).rejects.toMatchObject({ code: 'ERR_PROXY_TUNNEL', statusCode: 403 });
});

test('requests go through a tunnel that a proxy has opened byte by byte, and share it', async () => {
  const { authority, chain } = await makeCertificates(scratch());
  const pem = readFileSync(chain);
  const bucket = https.createServer({ key: pem, cert: pem }, (_, to) => void to.end('x'.repeat(200_000)));
  bucket.listen(0, '127.0.0.1');
  onTestFinished(() => void bucket.close());
  await once(bucket, 'listening');
  const { port } = bucket.address() as net.AddressInfo;
  let tunnels = 0;
  const proxy = await serveTcp(socket => {
    socket.on('error', () => {});
    socket.once('data', async () => {
      tunnels++;
      const onward = net.connect(port, '127.0.0.1').on('error', () => {});
      await writeByteByByte(socket, 'HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n');
      socket.pipe(onward).pipe(socket);
    });
  });
  const environment = { HTTPS_PROXY: `http://127.0.0.1:${proxy}` };
  const own = new Transport(readConnectionSettings({ caFile: authority, environment }), systemClock);
  onTestFinished(() => own.close());
  for (let i = 0; i < 3; i++) {
    const { body } = await own.send(
      { method: 'GET', protocol: 'https:', hostname: '127.0.0.1', port, target: '/', headers: {} },
      { connectMs: 20_000, idleTimeoutMs: 20_000 },
    );
    expect(await buffer(body)).toHaveLength(200_000);
  }
  expect(tunnels).toBe(1);
});
