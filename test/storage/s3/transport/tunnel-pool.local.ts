import { readFileSync } from 'node:fs';
import https from 'node:https';
import net, { type Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import tls from 'node:tls';
import { expect, onTestFinished, test, vi } from 'vitest';
import { systemClock } from '../../../../src/retry/clock.ts';
import { readConnectionSettings } from '../../../../src/storage/s3/transport/agents.ts';
import { Transport } from '../../../../src/storage/s3/transport/transport.ts';
import { scratch } from '../../../support/scratch.ts';
import { makeCertificates } from '../../../support/servers/certificates.ts';
import { writeForever } from '../../../support/servers/hostile-socket.ts';
import { listen } from '../../../support/servers/listen.ts';
import { serveTcp } from '../../../support/servers/serve.ts';
import { requestTo, useTransport } from './use-transport.ts';

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

test('a response to CONNECT over the bound is refused, also if it arrives at once and has an end', async () => {
  const sent = sendThrough(
    socket => void socket.write(`HTTP/1.1 200 OK\r\nX: ${'y'.repeat(17_000)}\r\n\r\n`),
    5_000,
  );
  await expect(sent).rejects.toMatchObject({ code: 'ERR_PROXY_TUNNEL' });
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

/** Starts a server that answers by https with `bytes` bytes. `open` returns a function that sends a request and reads the response. */
async function serveSecurely(bytes: number) {
  const { authority, chain } = await makeCertificates(scratch());
  const pem = readFileSync(chain);
  const bucket = https.createServer({ key: pem, cert: pem }, (_, to) => void to.end('x'.repeat(bytes)));
  const { port, close } = await listen(bucket);
  onTestFinished(close);
  return {
    port,
    pem,
    authority,
    open(environment: NodeJS.ProcessEnv) {
      const own = new Transport(readConnectionSettings({ caFile: authority, environment }), systemClock);
      onTestFinished(() => own.close());
      return async () => {
        const request = requestTo(port, { protocol: 'https:', target: '/', headers: {} });
        const { body } = await own.send(request, { connectMs: 15_000, idleTimeoutMs: 15_000 });
        return buffer(body);
      };
    },
  };
}

test('requests go through a tunnel that a proxy has opened byte by byte, and share it', async () => {
  const { port, open } = await serveSecurely(200_000);
  let tunnels = 0;
  const proxy = await serveTcp(socket => {
    socket.on('error', () => {});
    socket.once('data', async () => {
      tunnels++;
      // The first bytes of TLS may come before the pipe
      socket.pause();
      const onward = net.connect(port, '127.0.0.1').on('error', () => {});
      await writeByteByByte(socket, 'HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n');
      socket.pipe(onward).pipe(socket);
    });
  });
  const get = open({ HTTPS_PROXY: `http://127.0.0.1:${proxy}` });
  for (let i = 0; i < 3; i++) expect(await get()).toHaveLength(200_000);
  expect(tunnels).toBe(1);
});

test('requests go through a tunnel of a proxy that itself uses TLS, with a certificate of the authority in ca-file', async () => {
  const { port, pem, open } = await serveSecurely(200_000);
  const authorities = tls.getCACertificates('default');
  onTestFinished(() => tls.setDefaultCACertificates(authorities));
  let tunnels = 0;
  const proxy = await listen(
    tls.createServer({ key: pem, cert: pem }, socket => {
      socket.on('error', () => {});
      socket.once('data', () => {
        tunnels++;
        const onward = net.connect(port, '127.0.0.1').on('error', () => {});
        socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
        socket.pipe(onward).pipe(socket);
      });
    }),
  );
  onTestFinished(proxy.close);
  const get = open({ HTTPS_PROXY: `https://127.0.0.1:${proxy.port}` });
  for (let i = 0; i < 3; i++) expect(await get()).toHaveLength(200_000);
  expect(tunnels).toBe(1);
});

test.each<NodeJS.ProcessEnv>([
  { HTTPS_PROXY: 'socks5://127.0.0.1:1' },
  { HTTPS_PROXY: 'HTTP://127.0.0.1:1' },
  { HTTPS_PROXY: 'http://127.0.0.1:1', NO_PROXY: '127.0.0.1' },
  { HTTPS_PROXY: '' },
])(
  'a request to a server with TLS gets its whole response where Node makes no tunnel: %j',
  async environment => {
    const { open } = await serveSecurely(40_000);
    expect(await open(environment)()).toHaveLength(40_000);
  },
);
