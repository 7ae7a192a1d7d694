import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { MessageChannel } from 'node:worker_threads';
import { expect, onTestFinished, test } from 'vitest';
import type { Report } from '../../../../src/archive/messages/report.ts';
import type { SenderMessage } from '../../../../src/storage/s3/transport/part-sender.ts';
import { servePartSender } from '../../../../src/storage/s3/transport/part-sender.ts';
import type { RequestAnswer } from '../../../../src/storage/s3/transport/request-ticket.ts';
import { serveHttp } from '../../../support/servers/serve.ts';
import { MiB } from '../../../support/sizes.ts';
import { NO_PROXIES, requestTo } from './use-transport.ts';

/** Serves a part sender in this thread, and keeps what it reports. */
async function senderTo(listener: RequestListener) {
  const port = await serveHttp(listener);
  const { port1: own, port2: other } = new MessageChannel();
  servePartSender(other, {
    authorities: undefined,
    proxies: NO_PROXIES,
  });
  onTestFinished(() => own.close());
  const reports: Report<RequestAnswer | string>[] = [];
  own.on('message', report => reports.push(report));
  const post = (message: SenderMessage) => own.postMessage(message);
  const request = requestTo(port, { method: 'PUT', target: '/bucket/x?partNumber=1' });
  const ticket = { request, limits: { connectMs: 20_000, idleTimeoutMs: 20_000 } };
  const send = (id: number, part: number) => post({ kind: 'send', id, part, ticket });
  /** Resolves to the answer of a request, and the bytes that were reported for it. */
  const endOf = async (id: number) => {
    const last = () => reports.find(report => report.id === id && report.end);
    while (!last()) await once(own, 'message');
    const bytes = reports.filter(report => report.id === id).reduce((sum, one) => sum + (one.bytes ?? 0), 0);
    return { answer: (last()!.end as { answer: RequestAnswer | string }).answer, bytes };
  };
  return { post, send, endOf, reports };
}

test('a part is sent once for each request, and its bytes are reported while they are sent', async () => {
  const bodies: Buffer[] = [];
  const { post, send, endOf, reports } = await senderTo(async (from, to) => {
    bodies.push(await buffer(from));
    to.writeHead(bodies.length === 1 ? 503 : 200, { etag: '"e"' }).end('answer');
  });
  const pieces = [Buffer.alloc(2 * MiB, 'a'), Buffer.alloc(MiB + 5, 'b')];
  post({ kind: 'add', part: 7, pieces });
  send(1, 7);
  const { answer, bytes } = await endOf(1);
  expect(answer).toMatchObject({ head: { status: 503, headers: { etag: '"e"' } } });
  expect(Buffer.from((answer as RequestAnswer).body!).toString()).toBe('answer');
  expect(bytes).toBe(3 * MiB + 5);
  expect(reports.length).toBeGreaterThan(1);
  send(2, 7);
  expect((await endOf(2)).answer).toMatchObject({ head: { status: 200 } });
  for (const body of bodies) expect(body.equals(Buffer.concat(pieces))).toBe(true);
});

test('a digest is the MD5 of the part in base64, and needs no request', async () => {
  let requests = 0;
  const { post, endOf } = await senderTo(() => requests++);
  post({ kind: 'add', part: 1, pieces: [Buffer.from('he'), Buffer.from('llo')] });
  post({ kind: 'digest', id: 5, part: 1 });
  expect((await endOf(5)).answer).toBe('XUFAKrxLKna5cZ2REBfFkg==');
  expect(requests).toBe(0);
});

test('a request that is cancelled is answered by a failure, and its part can be sent again', async () => {
  const arrived = Promise.withResolvers<void>();
  let arrivals = 0;
  const { post, send, endOf } = await senderTo((from, to) => {
    from.resume();
    arrived.resolve();
    if (arrivals++ > 0) to.end();
  });
  post({ kind: 'add', part: 1, pieces: [Buffer.from('one')] });
  send(1, 1);
  await arrived.promise;
  post({ kind: 'cancel', id: 1 });
  expect((await endOf(1)).answer).toMatchObject({
    head: undefined,
    failure: { message: 'the request was cancelled' },
  });
  send(2, 1);
  expect((await endOf(2)).answer).toMatchObject({ head: { status: 200 } });
});

test('the release of a part frees its memory', async () => {
  const { port1: own, port2: other } = new MessageChannel();
  onTestFinished(() => own.close());
  servePartSender(other, {
    authorities: undefined,
    proxies: NO_PROXIES,
  });
  const bytes = new Uint8Array(MiB);
  // Without a copy between the threads, to see its memory from here
  other.emit('message', { kind: 'add', part: 1, pieces: [bytes] });
  other.emit('message', { kind: 'release', part: 1 });
  expect(bytes.byteLength).toBe(0);
});
