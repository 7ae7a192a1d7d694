import { expect, it } from 'vitest';
import { kindOf } from '../../../src/storage/github/limited-call.ts';
import { observe, unobserved } from '../../../src/storage/github/observe.ts';

it.each([
  ['POST', '/twirp/github.actions.results.api.v1.CacheService/CreateCacheEntry', 'service'],
  ['GET', '/abc/_apis/artifactcache/cache?keys=a&version=b', 'service'],
  ['POST', '/abc/_apis/artifactcache/caches', 'service'],
  ['POST', '/abc/_apis/artifactcache/caches/12', 'service'],
  ['PATCH', '/abc/_apis/artifactcache/caches/12', 'transfer'],
  ['GET', '/container/blob?sig=x', 'transfer'],
  ['PUT', '/container/blob?comp=block', 'transfer'],
] as const)('%s %s is a %s request', (method, path, kind) => {
  expect(kindOf({ method, path })).toBe(kind);
});

it('sees only what the call itself prints, in whole lines, and puts the output back', async () => {
  const before = process.stdout.write;
  const lines: string[] = [];
  const observer = { onLine: (line: string) => lines.push(line), onRequest() {}, onChild() {} };
  const gate = Promise.withResolvers<void>();
  const call = observe(observer, async () => {
    process.stdout.write('one\ntw');
    await gate.promise;
    process.stdout.write(Buffer.from('o\r\nlast'));
    unobserved(() => process.stdout.write(''));
  });
  process.stdout.write('');
  gate.resolve();
  await call;
  expect(lines).toEqual(['one', 'two', 'last']);
  expect(process.stdout.write).toBe(before);
});
