import { expect, test } from 'vitest';
import { createKeySpace } from '../../../src/cache/keys/key-space.ts';
import { matchOrder } from '../../../src/cache/keys/match-order.ts';

const spaceOf = (ref: string) =>
  createKeySpace({ label: ref, prefix: '', place: ['o', 'r', ref], version: 'b'.repeat(64) });

test('asks a place for everything before it asks the next one', () => {
  const plan = matchOrder([spaceOf('refs/heads/topic'), spaceOf('refs/heads/main')], 'go-1', ['go-', 'g']);
  expect(plan.map(({ kind, space, key }) => [space.label, kind, key])).toEqual([
    ['refs/heads/topic', 'exact', 'go-1'],
    ['refs/heads/topic', 'prefix', 'go-1'],
    ['refs/heads/topic', 'prefix', 'go-'],
    ['refs/heads/topic', 'prefix', 'g'],
    ['refs/heads/main', 'exact', 'go-1'],
    ['refs/heads/main', 'prefix', 'go-1'],
    ['refs/heads/main', 'prefix', 'go-'],
    ['refs/heads/main', 'prefix', 'g'],
  ]);
});

test('asks the same question once', () => {
  const plan = matchOrder([spaceOf('refs/heads/main')], 'k', ['k', 'a', 'a']);
  expect(plan.map(({ kind, key }) => `${kind} ${key}`)).toEqual(['exact k', 'prefix k', 'prefix a']);
});
