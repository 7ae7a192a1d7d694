import type net from 'node:net';
import { afterEach, expect, test } from 'vitest';
import type { ObjectStore } from '../../../../src/storage/object-store.ts';
import { StoreRefusedError, StoreUnavailableError } from '../../../../src/storage/store-errors.ts';
import { failureOf } from '../../../support/failure-of.ts';
import { serveTcp } from '../../../support/servers/serve.ts';
import { openStore, shortLimits } from '../support.ts';

const closers: (() => void)[] = [];

afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** Returns `host:port` of a server that calls `talk` with each connection. */
const serve = async (talk: (socket: net.Socket) => void) => `127.0.0.1:${await serveTcp(talk)}`;

function storeAt(endpoint: string, attempts = 5, timeLimits = shortLimits): ObjectStore {
  const store = openStore({ endpoint: new URL(endpoint), attempts }, { timeLimits });
  closers.push(() => store.close());
  return store;
}

test('a closed port is retried, then given up without further requests', async () => {
  // A busy machine must not turn a refused connection into a late one
  const store = storeAt('http://127.0.0.1:1', 3, { ...shortLimits, firstResponseMs: 60_000 });
  const failure = await failureOf(store.head('x'));
  expect(failure).toBeInstanceOf(StoreUnavailableError);
  expect(failure.message).toBe(
    'bucket bucket at http://127.0.0.1:1: connection refused (HeadObject: ECONNREFUSED)',
  );
  expect(store.counters).toEqual({ requests: 3, retries: 2 });
  await expect(store.head('x')).rejects.toThrow('connection refused');
  expect(store.counters.requests).toBe(3);
});

test('the error names a host name that cannot be resolved', async () => {
  const failure = await failureOf(storeAt('http://no-such-host.invalid', 1).head('x'));
  expect(failure).toBeInstanceOf(StoreUnavailableError);
  expect(failure.message).toMatch(/host name not (found|resolved)/);
});

test('a port that accepts and sends nothing is given up at the limit of all attempts together', async () => {
  let connections = 0;
  const host = await serve(() => {
    connections++;
  });
  const failure = await failureOf(
    storeAt(`http://${host}`, 20, {
      ...shortLimits,
      firstByteMs: 50,
      firstResponseMs: 1500,
    }).head('x'),
  );
  expect(failure).toBeInstanceOf(StoreUnavailableError);
  expect(failure.message).toContain('no response within 1.5 s');
  expect(connections).toBeGreaterThan(1);
});

test('a TLS handshake that stalls ends at the connection limit', async () => {
  const host = await serve(() => {});
  const failure = await failureOf(storeAt(`https://${host}`, 1).head('x'));
  expect(failure).toBeInstanceOf(StoreUnavailableError);
  expect(failure.message).toMatch(/no connection within 0.4 s|no data for 0.3 s/);
});

test('an http server behind an https endpoint is refused with the input to change', async () => {
  const host = await serve(socket =>
    socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')),
  );
  const failure = await failureOf(storeAt(`https://${host}`).head('x'));
  expect(failure).toBeInstanceOf(StoreRefusedError);
  expect(failure).toMatchObject({
    settings: [{ input: 'insecure' }],
    message: expect.stringContaining(
      `${host}: the server does not use TLS, and the request was https (HeadObject`,
    ),
  });
});

test('a server that breaks off the handshake is not reported as one without TLS', async () => {
  const fatal = { length: [0, 2], level: 2, handshakeFailure: 40 };
  const alert = [21, 3, 3, ...fatal.length, fatal.level, fatal.handshakeFailure];
  const host = await serve(socket => socket.once('data', () => socket.end(Buffer.from(alert))));
  const failure = await failureOf(storeAt(`https://${host}`).head('x'));
  expect(failure).toBeInstanceOf(StoreRefusedError);
  expect(failure).toMatchObject({
    settings: [{ input: 'endpoint' }],
    message: expect.stringMatching(/: TLS failed, .*alert handshake failure \(HeadObject: EPROTO\)$/),
  });
});

test('a server that does not speak HTTP is unavailable', async () => {
  const host = await serve(socket => socket.end('SSH-2.0-OpenSSH_9.9\r\n'));
  await expect(storeAt(`http://${host}`, 1).head('x')).rejects.toThrow(StoreUnavailableError);
});

test('a web server that is not S3 is refused', async () => {
  const page = '<html><body>Not found</body></html>';
  const answer = `HTTP/1.1 403 Forbidden\r\ncontent-length: ${page.length}\r\ncontent-type: text/html\r\n\r\n${page}`;
  const host = await serve(socket => socket.on('data', () => socket.write(answer)));
  const failure = await failureOf(storeAt(`http://${host}`).getRange('x', { suffix: 10 }));
  expect(failure).toBeInstanceOf(StoreRefusedError);
});
