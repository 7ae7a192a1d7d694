import { describe, expect, test } from 'vitest';
import { parseInputs } from '../../../src/action/inputs/inputs.ts';
import { BadInputError } from '../../../src/action/inputs/read-input.ts';
import { inputVariables } from '../../support/runner/process/step-variables.ts';

const parse = (inputs: Record<string, string>) => parseInputs(inputVariables(inputs));
const minimal = { path: 'node_modules', key: 'k' };

describe('parseCacheInputs', () => {
  test('the post step keeps the path, key and restore-keys of the restore step', () => {
    const remembered = { paths: ['a'], key: 'then', restoreKeys: [] };
    expect(parseInputs(inputVariables({ path: 'b', key: 'a,b' }), remembered)).toMatchObject(remembered);
  });

  test.each([
    ['a usual key', 'linux-go-abc', 'linux-go-\nlinux-'],
    ['a key of 512 characters', 'k'.repeat(512), ''],
    ['ten keys in all', 'k', 'abcdefghi'.split('').join('\n')],
    ['a key with spaces, quotes and UTF-8', 'a b"\'ü#?%', ''],
  ])('%s is accepted, as by actions/cache', (_, key, restoreKeys) => {
    expect(parse({ ...minimal, key, 'restore-keys': restoreKeys }).key).toBe(key);
  });

  test.each([
    [
      '1,001 lines with wildcards',
      '*\n'.repeat(1001),
      "Input 'path' has 1001 lines with wildcards, but at most 1000 are allowed: name directories instead.",
    ],
    [
      '20,000 lines',
      'd\n'.repeat(20_000),
      "Input 'path' has 80001 bytes, but at most 80000 are allowed: name directories rather than their files.",
    ],
  ])('a path of %s is refused in one sentence', (_, path, sentence) => {
    expect(() => parse({ ...minimal, path })).toThrow(sentence);
  });

  test('a line of path may have all the bytes that are allowed, as JSON', () => {
    const line = 'd'.repeat(80_000 - '[""]'.length);
    expect(parse({ ...minimal, path: line }).paths).toEqual([line]);
    expect(() => parse({ ...minimal, path: `${line}d` })).toThrow(BadInputError);
  });

  test('19,999 lines of path, of which 1,000 have wildcards, are accepted', () => {
    const path = `${'*\n'.repeat(1000)}${'d\n'.repeat(18_999)}`;
    expect(parse({ ...minimal, path }).paths).toHaveLength(19_999);
  });

  test('a path of !!dist names something to cache, because two signs cancel out', () => {
    expect(parse({ ...minimal, path: '!!dist' }).paths).toEqual(['!!dist']);
  });

  test.each([
    { paths: [], key: 'k', restoreKeys: [] },
    { paths: ['a'], key: 'a,b', restoreKeys: [] },
    { paths: ['a'], key: 'k', restoreKeys: Array.from({ length: 10 }, () => 'r') },
  ])('remembered inputs are checked too: %j', remembered => {
    expect(() => parseInputs({}, remembered)).toThrow(BadInputError);
  });

  test.each([
    [{ path: '' }, "Input 'path' is missing: list the files and directories to cache, one on each line."],
    [{ path: '!a\n!b' }, "Input 'path' is '!a !b', but at least one line must name something to cache."],
    [{ path: '# a\n!' }, "Input 'path' is '# a !', but at least one line must name something to cache."],
    [{ key: '' }, /^Input 'key' is missing: /],
    [{ key: 'a,b' }, "Input 'key' has the key 'a,b', but a key cannot contain a comma."],
    [{ key: 'k'.repeat(513) }, /^Input 'key' has a key of 513 characters \('k{40}\.\.\.'\), but at most 512/],
    [
      { 'restore-keys': 'abcdefghij'.split('').join('\n') },
      "Input 'restore-keys' has 10 lines, but at most 9 are allowed.",
    ],
    [{ 'restore-keys': 'a\nb,' }, "Input 'restore-keys' has the key 'b,', but a key cannot contain a comma."],
    [{ 'restore-keys': 'r'.repeat(513) }, /^Input 'restore-keys' has a key of 513 characters/],
    [{ key: '😀'.repeat(257) }, /^Input 'key' has a key of 514 characters/],
  ])('%j is refused in one sentence', (inputs, sentence) => {
    const attempt = () => parse({ ...minimal, ...inputs });
    expect(attempt).toThrow(BadInputError);
    expect(attempt).toThrow(sentence);
    expect(attempt).toThrow(/^[^\n]*\.$/);
  });
});
