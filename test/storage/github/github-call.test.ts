import { expect, it } from 'vitest';
import { isFinalization, requestKind } from '../../../src/storage/github/github-call.ts';

it.each([
  ['POST', '/twirp/github.actions.results.api.v1.CacheService/CreateCacheEntry', 'service'],
  ['GET', '/abc/_apis/artifactcache/cache?keys=a&version=b', 'service'],
  ['POST', '/abc/_apis/artifactcache/caches', 'service'],
  ['POST', '/abc/_apis/artifactcache/caches/12', 'service'],
  ['PATCH', '/abc/_apis/artifactcache/caches/12', 'transfer'],
  ['GET', '/container/blob?sig=x', 'transfer'],
  ['PUT', '/container/blob?comp=block', 'transfer'],
  ['CONNECT', 'results.example:443', 'tunnel'],
] as const)('%s %s is a request of the kind %s', (method, path, kind) => {
  expect(requestKind({ method, path })).toBe(kind);
});

it.each([
  ['POST', '/twirp/github.actions.results.api.v1.CacheService/FinalizeCacheEntryUpload', true],
  ['POST', '/abc/_apis/artifactcache/caches/12', true],
  ['PATCH', '/abc/_apis/artifactcache/caches/12', false],
  ['POST', '/abc/_apis/artifactcache/caches', false],
  ['POST', '/twirp/github.actions.results.api.v1.CacheService/CreateCacheEntry', false],
] as const)('%s %s finalizes an upload: %s', (method, path, finalizes) => {
  expect(isFinalization({ method, path })).toBe(finalizes);
});
