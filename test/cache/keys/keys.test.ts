import { describe, expect, test } from 'vitest';
import { keyProblem } from '../../../src/cache/keys/keys.ts';

const ten = Array.from({ length: 10 }, (_, i) => `k${i}`);

describe('keyProblem', () => {
  test.each([
    ['a usual key', 'linux-go-abc', ['linux-go-', 'linux-']],
    ['a key of 512 characters', 'k'.repeat(512), []],
    ['ten keys in all', 'k', ten.slice(1)],
    ['spaces, quotes, UTF-8', 'a b"\'ü#?%', []],
  ])('accepts %s', (_, key, restoreKeys) => {
    expect(keyProblem(key, restoreKeys)).toBeUndefined();
  });

  test.each([
    ['no key', '', [], /^Input 'key' is missing: /],
    ['a comma', 'a,b', [], "Input 'key' has the key 'a,b', but a key cannot contain a comma."],
    [
      'a comma in a restore-key',
      'a',
      ['b,'],
      "Input 'restore-keys' has the key 'b,', but a key cannot contain a comma.",
    ],
    [
      '513 characters',
      'k'.repeat(513),
      [],
      /^Input 'key' has a key of 513 characters \('k{40}\.\.\.'\), but at most 512/,
    ],
    ['257 characters outside the BMP', '😀'.repeat(257), [], /key of 514 characters/],
    [
      'eleven keys',
      'k',
      ten,
      "Inputs 'key' and 'restore-keys' name 11 keys together, but at most 10 are allowed.",
    ],
  ])('refuses %s in one sentence', (_, key, restoreKeys, sentence) => {
    const problem = keyProblem(key, restoreKeys);
    expect(problem).toMatch(sentence);
    expect(problem).not.toContain('\n');
  });
});
