import { describe, expect, test } from 'vitest';
import type { Invocation } from '../../src/command/invocation.ts';
import { showStats } from '../../src/command/stats/stats.ts';
import { listCaches } from '../../src/command/subcommands/list.ts';
import { pruneCommand, removeCommand } from '../../src/command/subcommands/prune.ts';
import { verifyCaches } from '../../src/command/subcommands/verify.ts';
import { StoreUnavailableError } from '../../src/storage/store-errors.ts';
import { serveStore } from '../storage/s3/serve-store.ts';
import { invoke, VERSION_HASH } from './support.ts';

const cacheName = (key: string) => `cache-s3/v1/org/app/main/${key}/${VERSION_HASH}.tar.zst`;
const markerOf = (key: string) => `cache-s3/used/v1/~/org/app/main/${key}/${VERSION_HASH}.used`;

function contents(key: string, { size = '10', date = '2026-01-01T00:00:00.000Z' } = {}): string {
  return `<Contents><Key>${key}</Key><LastModified>${date}</LastModified><ETag>e</ETag><Size>${size}</Size></Contents>`;
}

const commonPrefixes = (count: number) =>
  Array.from({ length: count }, (_, at) => `<CommonPrefixes><Prefix>p${at}/</Prefix></CommonPrefixes>`).join(
    '',
  );

/** The pages of both listings, which have the sound cache `k`, and what else they have. */
const hostile: Readonly<Record<string, { caches?(page: number): string; markers?: string }>> = {
  'keys with control characters': {
    caches: () => contents('cache-s3/v1/&#1;&#27;[31m') + contents('cache-s3/v1/&#10;::error::x'),
  },
  'names that are no caches': {
    caches: () =>
      contents('cache-s3/v1/../../etc/passwd') + contents(`${cacheName('k')}.old`) + contents('x'),
  },
  'common prefixes, which were not requested': { caches: () => commonPrefixes(20_000) },
  'a size below 0': { caches: () => contents(cacheName('b'), { size: '-5' }) },
  'a size above 2^53': { caches: () => contents(cacheName('b'), { size: '99999999999999999999' }) },
  'the last time of all': {
    caches: () => contents(cacheName('k-late'), { date: '+275760-09-13T00:00:00.000Z' }),
  },
  'a marker with a size below 0': { markers: contents(markerOf('stray'), { size: '-1' }) },
};

const broken: Readonly<Record<string, (page: number) => string>> = {
  'a date that is none': () => contents(cacheName('b'), { date: 'yesterday' }),
  'a million common prefixes': () => commonPrefixes(1_000_000),
  'pages of common prefixes without an end': page =>
    `${commonPrefixes(1)}<IsTruncated>true</IsTruncated><NextContinuationToken>t${page}</NextContinuationToken>`,
};

const subcommands: Readonly<Record<string, (invocation: Invocation) => Promise<void>>> = {
  list: invocation => listCaches(invocation, { sort: 'size' }),
  stats: invocation => showStats(invocation, { top: 3 }),
  verify: invocation => verifyCaches(invocation, { parallel: 2 }),
  prune: invocation => pruneCommand(invocation, { unused: 1, maxSize: 10 }),
  rm: invocation => removeCommand(invocation, {}, ['*']),
};

/** Starts a server with these listings. */
async function serve(caches: (page: number) => string, markers = '') {
  const { server, store } = await serveStore();
  const deleted: string[] = [];
  let page = 0;
  server.takeover = (operation, from) => {
    if (operation === 'DeleteObject')
      return ({ url = '' }, to) => {
        deleted.push(url);
        to.writeHead(204).end();
      };
    if (operation === 'HeadObject' && !from.url?.includes('stray'))
      return (_, to) =>
        void to
          .writeHead(200, {
            'content-length': 10,
            etag: '"e"',
            'last-modified': 'Thu, 01 Jan 2026 00:00:00 GMT',
          })
          .end();
    if (operation !== 'ListObjectsV2') return undefined;
    return ({ url = '' }, to) => {
      const body = decodeURIComponent(url).includes('used/v1') ? markers : caches(page++);
      const date = new Date().toUTCString();
      to.writeHead(200, { 'content-type': 'application/xml', date }).end(
        `<ListBucketResult>${body}</ListBucketResult>`,
      );
    };
  };
  return { store, deleted };
}

describe.each(Object.entries(hostile))('a listing with %s', (_, { caches = () => '', markers }) => {
  test.each(Object.entries(subcommands))(
    'is read by %s, which deletes at most the sound cache',
    async (_, run) => {
      const { store, deleted } = await serve(page => caches(page) + contents(cacheName('k')), markers);
      for (const json of [false, true]) {
        const { out, err } = await invoke(store, run, { json });
        if (json) JSON.parse(out);
        expect(out + err).not.toMatch(/[\u0000-\u0009\u000b-\u001f]|^::/m);
      }
      expect(deleted.filter(url => !/\/main\/k[-/]/.test(url))).toEqual([]);
    },
  );
});

describe.each(Object.entries(broken))('a listing with %s', (_, caches) => {
  test.each(Object.entries(subcommands))(
    'ends %s by an error, before anything is deleted',
    async (_, run) => {
      const { store, deleted } = await serve(
        page => contents(cacheName('k')).repeat(page === 0 ? 1 : 0) + caches(page),
      );
      const { out, error } = await invoke(store, run, { json: true });
      expect(error).toBeInstanceOf(StoreUnavailableError);
      if (out !== '') JSON.parse(out);
      expect(deleted).toEqual([]);
    },
  );
});
