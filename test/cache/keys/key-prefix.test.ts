import { expect, test } from 'vitest';
import { generationPrefix } from '../../../src/cache/keys/key-prefix.ts';

test.each([
  ['linux-npm-3b1f0c9e27d4a5b6', 'linux-npm-'],
  [`go-${'0a'.repeat(32)}-extra`, 'go-'],
  ['build-20261129', 'build-'],
  ['run_123456789', 'run_'],
  ['decade12-x', ''],
  ['Linux-node-v20-deadbeef1', 'Linux-node-v20-'],
  ['cache-decade-facade', 'cache-decade-facade'],
  ['v1-linux', 'v1-linux'],
  ['', ''],
])('the generations of the key %j share %j', (key, prefix) => {
  expect(generationPrefix(key)).toBe(prefix);
});

test('a long key without a hash is cut to 80 characters', () => {
  expect(generationPrefix('x-'.repeat(200))).toHaveLength(80);
});
