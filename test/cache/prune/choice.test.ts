import { expect, test } from 'vitest';
import { type PruneChoice, rulesOf } from '../../../src/cache/prune/choice.ts';

test.each<[string, PruneChoice]>([
  ['a scope', { scope: 'refs/pull/*' }],
  ['a key', { key: 'npm-*' }],
  ['a number of newest caches to keep', { keepNewest: 2 }],
])('%s alone deletes all chosen caches', (_, choice) => {
  expect(rulesOf(choice).all).toBe(true);
});

test.each<[string, PruneChoice]>([
  ['nothing', {}],
  ['a repository', { repository: 'org/*' }],
])('%s alone deletes no cache', (_, choice) => {
  expect(rulesOf(choice)).toEqual({ all: false });
});

test.each<[string, PruneChoice, object]>([
  ['an unused time', { unused: 1 }, { unusedMs: 1 }],
  ['an age', { maxAge: 2 }, { maxAgeMs: 2 }],
  ['a size', { maxSize: 0 }, { maxBytes: 0 }],
  ['a size of each repository', { perRepository: 4 }, { repositoryBytes: 4 }],
])('with %s, a scope and a key only narrow what is deleted', (_, limit, rules) => {
  expect(rulesOf({ ...limit, scope: 's', key: 'k', keepNewest: 3 })).toEqual({
    all: false,
    keepNewest: 3,
    ...rules,
  });
});
