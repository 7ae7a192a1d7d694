import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { StoreUnavailableError } from '../../../../src/storage/store-errors.ts';
import { putObject } from '../../../support/put-object.ts';
import { scriptedServer } from '../scripted-server.ts';
import { shortLimits } from '../support.ts';

const limits = { ...shortLimits, firstByteMs: 10_000, firstResponseMs: 20_000 };
const CREATED = '<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>';
const COMPLETED = '<CompleteMultipartUploadResult><ETag>"whole"</ETag></CompleteMultipartUploadResult>';
const PART = 5 * 1024 * 1024;

test.each([100, 12 * 1024 * 1024])(
  'an upload of %i bytes waits longer than the idle timeout for a reverse proxy that has taken the whole body',
  async sizeBytes => {
    const server = await scriptedServer(async (operation, request) => {
      if (operation === 'CreateMultipartUpload') return { body: CREATED };
      if (operation === 'CompleteMultipartUpload') return { body: COMPLETED };
      if (operation === 'HeadObject') return { status: 404 };
      for await (const _ of request);
      await delay(2 * shortLimits.idleTimeoutMs);
      return to => to.writeHead(200, { etag: '"e"', 'content-length': 0 }).end();
    });
    await putObject(server.store({ attempts: 1 }, { timeLimits: limits }), 'x', new Uint8Array(sizeBytes), {
      partSizeBytes: PART,
      onlyIfAbsent: true,
    });
    expect(server.operations.filter(operation => operation.startsWith('UploadPart')).length).toBe(
      sizeBytes > PART ? 3 : 0,
    );
  },
);

test('an endpoint that takes bodies and never responds is given up, whatever attempts are left', async () => {
  const server = await scriptedServer(operation => (operation === 'HeadObject' ? { status: 404 } : 'silent'));
  const timeLimits = { ...limits, stalledMs: 600, serverWorkMs: 600 };
  const upload = server
    .store({ attempts: 20 }, { timeLimits })
    .createUpload('x', { partSizeBytes: PART, onlyIfAbsent: true });
  await upload.write(new Uint8Array(100));
  await expect(upload.complete()).rejects.toThrow(StoreUnavailableError);
  const puts = server.operations.filter(operation => operation === 'PutObject');
  expect(puts.length).toBeLessThanOrEqual(3);
});

test('a server that requests a wait in each response is given up before the wait that is too long', async () => {
  const server = await scriptedServer(() => ({ status: 503, headers: { 'retry-after': '3' } }));
  const begin = performance.now();
  const store = server.store({}, { timeLimits: { ...limits, stalledMs: 5000 } });
  await expect(store.head('x')).rejects.toThrow('the call failed (HeadObject: 503)');
  expect(performance.now() - begin).toBeLessThan(5000);
  expect(server.operations).toEqual(['HeadObject', 'HeadObject']);
});

test('calls in a row share the time for which they may wait', async () => {
  let gets = 0;
  const server = await scriptedServer(operation => {
    if (operation === 'HeadObject') return { status: 404 };
    if (++gets > 2) return 'silent';
    const [range, body] = gets === 1 ? ['0-1', 'a'] : ['1-1', 'b'];
    const headers = { 'content-range': `bytes ${range}/2`, etag: '"e"', 'content-length': 3 - gets };
    return to => {
      to.writeHead(206, headers).write(body);
      if (gets === 2) to.end();
    };
  });
  const timeLimits = { ...limits, idleTimeoutMs: 2500, stalledMs: 4900 };
  const store = server.store({}, { timeLimits });
  // The limits of the first response are longer here
  await store.head('x');
  expect((await store.getRange('x', { start: 0, end: 2 }))?.bytes).toHaveLength(2);
  expect(gets).toBe(2);
  await expect(store.getRange('y', { start: 0, end: 2 })).rejects.toThrow('no progress within 4.9 s');
  expect(gets).toBe(3);
});
