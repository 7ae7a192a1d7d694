import { serveStore } from './s3/serve-store.ts';
/** Responses that contradict others about the size of an object: no proof of damage, so a save keeps the object. */

import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import type { Takeover } from '../support/servers/memory-server.ts';
import { MiB } from '../support/sizes.ts';
import { buildTree, describeTree } from '../support/tree.ts';
import { jobsOf } from './incremental/jobs.ts';

/** Stores a cache of 18 MiB under `k1`. */
async function setUp() {
  const { server, store } = await serveStore({}, { attempts: 1 });
  const all = jobsOf(store);
  const saver = all.job();
  await buildTree(saver.workspace, { 'tree/a': randomBytes(12 * MiB), 'tree/b': randomBytes(6 * MiB) });
  await saver.saveInFull('k1');
  const name = saver.objectName('k1');
  return { server, saver, job: all.job(), name, object: server.content.objects.get(name)! };
}

test.each([-1000, 1000, 10 * MiB])(
  'a restore by a prefix reads an object whose size in the listing is wrong by %i bytes',
  async difference => {
    const { server, saver, job, name, object } = await setUp();
    server.takeover = operation => {
      if (operation !== 'ListObjectsV2') return undefined;
      const size = object.bytes.length + difference;
      return (_, to) =>
        void to.end(
          `<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>${name}</Key><LastModified>${object.modified.toISOString()}</LastModified><ETag>"${object.etag}"</ETag><Size>${size}</Size></Contents></ListBucketResult>`,
        );
    };
    expect(await job.restore('k', { restoreKeys: [] })).toMatchObject({ kind: 'hit', key: 'k1' });
    expect(await describeTree(job.workspace)).toEqual(await describeTree(saver.workspace));
  },
);

test.each<[string, Takeover]>([
  ['416', (_, to) => void to.writeHead(416).end()],
  [
    'a part of the range as the end of the object',
    (from, to) => {
      const start = Number(/^bytes=(\d+)-/.exec(String(from.headers.range))![1]);
      const headers = { etag: String(from.headers['if-match']), 'content-length': 1 };
      to.writeHead(206, { ...headers, 'content-range': `bytes ${start}-${start}/${start + 1}` }).end('x');
    },
  ],
])('an object is not damaged if a request for its data is answered by %s', async (_, answer) => {
  const { server, job, object } = await setUp();
  server.takeover = (operation, from) =>
    operation === 'GetObject' && /^bytes=\d/.test(String(from.headers.range)) ? answer : undefined;
  expect(await job.restore('k1', { restoreKeys: [] })).toMatchObject({
    kind: 'unavailable',
    error: { message: expect.stringContaining(`although the object has ${object.bytes.length}`) },
  });
  expect(await describeTree(job.workspace)).toEqual({});
});

test('an object is not damaged if each request for a range of it is answered by 416', async () => {
  const { server, job, object } = await setUp();
  server.takeover = operation =>
    operation === 'GetObject' ? (_, to) => void to.writeHead(416).end() : undefined;
  expect(await job.restore('k1', { restoreKeys: [] })).toMatchObject({
    kind: 'unavailable',
    error: { message: expect.stringContaining(`although the object has ${object.bytes.length}`) },
  });
});

test('an object is damaged if a request for its data and a HEAD show that it ends earlier', async () => {
  const { server, job, name, object } = await setUp();
  let requests = 0;
  server.takeover = operation => {
    // As the tail is read already
    if (operation === 'GetObject' && ++requests === 2) {
      server.content.objects.set(name, { ...object, bytes: object.bytes.subarray(0, 1000) });
    }
    return undefined;
  };
  expect(await job.restore('k1', { restoreKeys: [] })).toMatchObject({
    kind: 'miss',
    rejected: [
      {
        kind: 'damaged',
        error: { message: expect.stringContaining('it ends before the data that its manifest names') },
      },
    ],
  });
});
