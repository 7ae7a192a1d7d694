import { expect, test } from 'vitest';
import { recordingLog } from '../../../support/requests.ts';
import { scriptedServer } from '../scripted-server.ts';

const HOUR_MS = 3_600_000;

/**
 * A server whose clock is `behindMs` behind ours, and that refuses what is signed by another time. Its front has a clock of
 * its own, and replaces the `Date` of each response.
 */
function serverBehind(behindMs: number, frontBehindMs = behindMs) {
  return scriptedServer((operation, { headers }) => {
    const serverMs = Date.now() - behindMs;
    const date = new Date(Date.now() - frontBehindMs).toUTCString();
    const signed = String(headers['x-amz-date']);
    const signedMs = Date.parse(signed.replace(/^(....)(..)(..T..)(..)(..)Z$/, '$1-$2-$3:$4:$5Z'));
    if (Math.abs(signedMs - serverMs) > 900_000) {
      const body = '<Error><Code>RequestTimeTooSkewed</Code></Error>';
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
  const upload = store.createUpload('y', { partSizeBytes: 5_242_880, onlyIfAbsent: true });
  await upload.write(Buffer.from('new'));
  await upload.complete();
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

test.each([HOUR_MS, -HOUR_MS])(
  'calls keep the clock of the runner when the server accepts it, though a front sends a date that is %i ms behind',
  async frontBehindMs => {
    const server = await serverBehind(0, frontBehindMs);
    const log = recordingLog();
    const store = server.store({ attempts: 1 }, { log });
    for (const name of ['x', 'y'])
      expect((await store.getRange(name, { start: 0, end: 1 }))?.bytes).toHaveLength(1);
    expect(await store.head('absent')).toBeUndefined();
    await store.putEmpty('marker');
    expect(server.operations).toEqual(['GetObject', 'GetObject', 'HeadObject', 'PutObject']);
    expect(log.shown).toEqual([]);
    expect(store.nowMs).toBeLessThanOrEqual(Date.now());
  },
);
