import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { putObject } from '../../../support/put-object.ts';
import { recordingLog } from '../../../support/requests.ts';
import { MiB } from '../../../support/sizes.ts';
import { type ScriptedAnswer, scriptedServer } from '../scripted-server.ts';
import { shortLimits } from '../support.ts';

const CREATED = '<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>';
const COMPLETED = '<CompleteMultipartUploadResult><ETag>"whole"</ETag></CompleteMultipartUploadResult>';
const SLOW_DOWN = { status: 503, body: '<Error><Code>SlowDown</Code></Error>' };
/** Duration of a transfer in ms: longer than the first wait before another attempt. */
const TRANSFER_MS = 400;
const timeLimits = { ...shortLimits, firstByteMs: 10_000, firstResponseMs: 20_000, idleTimeoutMs: 10_000 };

/** Serves two transfers at a time and refuses one more. A place is free again when its response was sent. */
function twoAtATime(transfer: string, served: ScriptedAnswer) {
  let busy = 0;
  return scriptedServer(async operation => {
    if (operation === transfer) {
      if (busy === 2) return SLOW_DOWN;
      busy++;
      await delay(TRANSFER_MS);
      busy--;
      return served;
    }
    if (operation === 'CreateMultipartUpload') return { body: CREATED };
    if (operation === 'CompleteMultipartUpload') return { body: COMPLETED };
    return { status: operation === 'AbortMultipartUpload' ? 204 : 404 };
  });
}

test('every part is stored by a server that accepts two at a time', async () => {
  const server = await twoAtATime('UploadPart', { headers: { etag: '"part"' } });
  const upload = server
    .store({ attempts: 3 }, { timeLimits })
    .createUpload('x', { partSizeBytes: 5 * MiB, onlyIfAbsent: true });
  for (let i = 0; i < 12; i++) await upload.write(randomBytes(5 * MiB));
  await upload.complete();
});

test('every range is read from a server that accepts two at a time', async () => {
  const headers = { etag: '"e"', 'content-range': 'bytes 0-3/4' };
  const server = await twoAtATime('GetObject', { status: 206, headers, body: 'four' });
  const store = server.store({ attempts: 3 }, { timeLimits });
  const range = { start: 0, end: 4 };
  const ranges = Array.from({ length: 12 }, () => store.getRange('x', range));
  const answers = await Promise.all(ranges);
  expect(answers.map(answer => answer?.bytes.length)).toEqual(Array(12).fill(4));
});

test('parts that a reverse proxy takes at once and passes on one after the other are all stored in time', async () => {
  const partMs = 1000;
  let freeMs = 0;
  const server = await scriptedServer(async (operation, request) => {
    if (operation === 'CreateMultipartUpload') return { body: CREATED };
    if (operation === 'CompleteMultipartUpload') return { body: COMPLETED };
    if (operation !== 'UploadPart') return { status: 404 };
    for await (const _ of request);
    freeMs = Math.max(freeMs, performance.now()) + partMs;
    await delay(freeMs - performance.now());
    return to => to.writeHead(200, { etag: '"e"', 'content-length': 0 }).end();
  });
  // Five parts at once would take longer, two do not
  const serverWorkMs = 3 * partMs;
  const timeLimits = {
    ...shortLimits,
    firstByteMs: 10_000,
    firstResponseMs: 20_000,
    idleTimeoutMs: 500,
    stalledMs: serverWorkMs,
    serverWorkMs,
  };
  const upload = server
    .store({ attempts: 1 }, { timeLimits })
    .createUpload('x', { partSizeBytes: 5 * MiB, onlyIfAbsent: true });
  for (let i = 0; i < 5; i++) await upload.write(new Uint8Array(5 * MiB));
  await upload.complete();
  expect(server.operations.filter(operation => operation === 'UploadPart')).toHaveLength(5);
});

test.each([429, 503])(
  'every range is read from a server that refuses by %i more than ten requests a second',
  async status => {
    let last = Number.NEGATIVE_INFINITY;
    const server = await scriptedServer(() => {
      const now = performance.now();
      if (now - last < 100) return { status, body: '<html></html>' };
      last = now;
      const range = { 'content-range': 'bytes 0-0/1', etag: '"e"' };
      return { status: 206, headers: range, body: 'x' };
    });
    const store = server.store({}, { timeLimits });
    const reads = Array.from({ length: 24 }, () => store.getRange('x', { start: 0, end: 1 }));
    for (const answer of await Promise.all(reads)) expect(answer?.bytes).toHaveLength(1);
  },
);

test('a request that follows a Retry-After begins when the server allows it', async () => {
  let refusedMs = 0;
  let wait = 0;
  const server = await scriptedServer(operation => {
    if (operation === 'HeadObject' && refusedMs === 0) {
      refusedMs = performance.now();
      return { status: 503, headers: { 'retry-after': '2' } };
    }
    wait = performance.now() - refusedMs;
    return { status: 404 };
  });
  expect(await server.store({}, { timeLimits }).head('x')).toBeUndefined();
  expect(wait).toBeGreaterThanOrEqual(1990);
});

const HOUR_MS = 3_600_000;

/**
 * A server whose clock is `behindMs` behind ours, and that refuses what is signed by another time. Its reverse proxy has a clock of
 * its own, and replaces the `Date` of each response.
 */
function serverBehind(behindMs: number, proxyBehindMs = behindMs) {
  return scriptedServer((operation, { headers, url }) => {
    const serverMs = Date.now() - behindMs;
    const date = new Date(Date.now() - proxyBehindMs).toUTCString();
    const signed = String(headers['x-amz-date']);
    const signedMs = Date.parse(signed.replace(/^(....)(..)(..T..)(..)(..)Z$/, '$1-$2-$3:$4:$5Z'));
    if (Math.abs(signedMs - serverMs) > 900_000) {
      const body = '<Error><Code>RequestTimeTooSkewed</Code></Error>';
      return { status: 403, headers: { date }, body: operation === 'HeadObject' ? '' : body };
    }
    if (url?.includes('forbidden')) {
      const body = '<Error><Code>AccessDenied</Code></Error>';
      return { status: 403, headers: { date }, body: operation === 'HeadObject' ? '' : body };
    }
    if (operation === 'HeadObject') return { status: 404, headers: { date } };
    if (operation === 'PutObject') return { headers: { date, etag: '"e"' } };
    return {
      status: 206,
      headers: { date, etag: '"e"', 'content-range': 'bytes 0-0/1', 'content-length': 1 },
      body: 'x',
    };
  });
}

test('the calls of a runner whose clock is off are signed by the clock of the server', async () => {
  const server = await serverBehind(HOUR_MS);
  const log = recordingLog();
  const store = server.store({ attempts: 1 }, { log });
  const reads = Array.from({ length: 3 }, () => store.getRange('x', { start: 0, end: 1 }));
  for (const answer of await Promise.all(reads)) expect(answer?.bytes).toHaveLength(1);
  await putObject(store, 'y', 'new', { onlyIfAbsent: true });
  expect(server.operations.slice(0, 7)).toEqual([...Array(6).fill('GetObject'), 'PutObject']);
  expect(log.shown).toEqual([
    expect.stringMatching(
      /Requests are signed by the server's clock, because the runner's clock is 36\d\d s ahead of the server's\. Correct the clock\./,
    ),
  ]);
});

test('a write is the first call of a runner whose clock is off', async () => {
  const server = await serverBehind(HOUR_MS);
  await server.store({ attempts: 1 }).putEmpty('marker');
  expect(server.operations).toEqual(['PutObject', 'PutObject']);
});

test('a HEAD is the first call of a runner whose clock is off', async () => {
  const server = await serverBehind(HOUR_MS);
  expect(await server.store({ attempts: 1 }).head('absent')).toBeUndefined();
  expect(server.operations).toEqual(['HeadObject', 'GetObject', 'HeadObject']);
});

test.each([HOUR_MS, -HOUR_MS])(
  'calls keep the clock of the runner unless the server refuses its time, though a reverse proxy sends a date that is %i ms behind',
  async proxyBehindMs => {
    const server = await serverBehind(0, proxyBehindMs);
    const log = recordingLog();
    const store = server.store({ attempts: 1 }, { log });
    await expect(store.head('forbidden', { optional: true })).rejects.toThrow();
    await expect(store.putEmpty('forbidden')).rejects.toThrow('access is denied');
    for (const name of ['x', 'y'])
      expect((await store.getRange(name, { start: 0, end: 1 }))?.bytes).toHaveLength(1);
    expect(await store.head('absent')).toBeUndefined();
    await store.putEmpty('marker');
    expect(server.operations.slice(2)).toEqual(['GetObject', 'GetObject', 'HeadObject', 'PutObject']);
    expect(log.shown).toEqual([]);
    expect(store.nowMs).toBeLessThanOrEqual(Date.now());
  },
);
