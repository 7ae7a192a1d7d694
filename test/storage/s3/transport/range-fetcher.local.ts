import type { RequestListener } from 'node:http';
import { expect, test } from 'vitest';
import { createRangeFetcher } from '../../../../src/storage/s3/transport/range-fetcher.ts';
import type { RequestAnswer } from '../../../../src/storage/s3/transport/request-ticket.ts';
import { serveHttp } from '../../../support/servers/serve.ts';
import { NO_PROXIES, requestTo } from './use-transport.ts';

/** Fetches from a server into a buffer of ten bytes. */
async function fetchFrom(listener: RequestListener) {
  const port = await serveHttp(listener);
  const headers = { host: `127.0.0.1:${port}`, range: 'bytes=0-9', authorization: 'AWS4' };
  const request = requestTo(port, { target: '/bucket/x?y=1', headers });
  const limits = { connectMs: 20_000, idleTimeoutMs: 20_000 };
  const target = { bytes: new Uint8Array(10), filled: 0 };
  let counted = 0;
  const fetcher = createRangeFetcher({
    authorities: undefined,
    proxies: NO_PROXIES,
  });
  const answer = (await fetcher({ request, limits }, target, bytes => {
    counted += bytes;
  })) as RequestAnswer;
  return { answer, target, counted };
}

test('a range fills the buffer, with its bytes counted and the head of the response', async () => {
  const seen: unknown[] = [];
  const { answer, target, counted } = await fetchFrom((from, to) => {
    seen.push(from.url, from.headers.range, from.headers.authorization);
    to.writeHead(206, { etag: '"e"' }).end('0123456789');
  });
  expect(seen).toEqual(['/bucket/x?y=1', 'bytes=0-9', 'AWS4']);
  expect(answer).toEqual({ head: expect.objectContaining({ status: 206 }) });
  expect(answer.head?.headers).toMatchObject({ etag: '"e"' });
  expect(Buffer.from(target.bytes).toString()).toBe('0123456789');
  expect([target.filled, counted]).toEqual([10, 10]);
});

test.each([304, 404, 503])('the body of a response of %i does not get into the buffer', async status => {
  const { answer, target, counted } = await fetchFrom((_, to) => void to.writeHead(status).end('reason'));
  expect(answer.head?.status).toBe(status);
  expect(String(answer.body)).toBe(status === 304 ? '' : 'reason');
  expect([target.filled, counted]).toEqual([0, 0]);
});

test('a body that breaks off is a failure beside the head, and its bytes stay in the buffer', async () => {
  const { answer, target, counted } = await fetchFrom((_, to) => {
    to.writeHead(206, { 'content-length': 10 }).write('0123');
    setTimeout(() => to.destroy(), 20);
  });
  expect(answer).toMatchObject({ head: { status: 206 }, failure: { code: 'ECONNRESET' } });
  expect([target.filled, counted]).toEqual([4, 4]);
});

test('a refusal with an endless body is a failure beside its head', async () => {
  const { answer } = await fetchFrom((_, to) => void to.writeHead(403).end('x'.repeat(100_000)));
  expect(answer).toMatchObject({ head: { status: 403 }, failure: { name: 'ProtocolError' } });
});

test('a connection without a response is a failure without a head', async () => {
  const { answer } = await fetchFrom(from => from.socket.resetAndDestroy());
  expect(answer).toMatchObject({ head: undefined, failure: { code: 'ECONNRESET' } });
});
