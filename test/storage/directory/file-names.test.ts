import path from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  mayContain,
  objectName,
  objectPath,
  prefixDirectory,
} from '../../../src/storage/directory/file-names.ts';

const posix = (name: string) => objectPath(name, path.posix);

test.each([
  ['v1/owner/repo/refs=2Fheads/key/0a1b.tar.zst', 'v1/owner/repo/refs=2!fheads/key/0a1b.tar.zst'],
  ['README', '!r!e!a!d!m!e%.zst'],
  ['a!b%c~d', 'a%21b%25c%7ed%.zst'],
  ['../../etc/passwd', '.%2e/.%2e/etc/passwd%.zst'],
  ['./a', '%2e/a%.zst'],
  ['/a', '%_/a%.zst'],
  ['a//b', 'a/%_/b%.zst'],
  ['a/', 'a/%_%.zst'],
  ['a.tar.zst/b', 'a.tar.zs%74/b%.zst'],
  ['nul/com1.tar.zst', '%6eul/%63om1.tar.zst'],
  ['console/a', 'console/a%.zst'],
  ['a:b*c?d"e<f>g|h\\i', 'a%3ab%2ac%3fd%22e%3cf%3eg%7ch%5ci%.zst'],
  ['dot./space /x.', 'dot%2e/space%20/x%2e%.zst'],
  ['\u00e9', '%c3%a9%.zst'],
])('the object %s has the file %s', (name, file) => {
  expect(posix(name)).toBe(file);
  expect(objectName(file.split('/'))).toBe(name);
});

test('on Windows, paths have the same levels and its separator', () => {
  expect(objectPath('a/B/nul.zst', path.win32)).toBe('a\\!b\\%6eul.zst');
  expect(prefixDirectory('a/B/c')).toBe(path.join('a', '!b'));
});

describe('a component over 200 bytes', () => {
  test.each([199, 200, 201, 398, 399, 1000])('is split into levels of at most 200: %i bytes', length => {
    for (const name of ['a'.repeat(length), 'B'.repeat(length), `${'\u00e9'.repeat(length / 2)}/x`]) {
      const levels = posix(name).split('/');
      expect(Math.max(...levels.map(level => level.length))).toBeLessThanOrEqual(200);
      expect(objectName(levels)).toBe(name);
    }
  });

  test('leaves no device name on a level of its own', () => {
    const levels = posix(`${'a'.repeat(199)}con/x`).split('/');
    expect(levels).toEqual([`${'a'.repeat(199)}%`, '+con', 'x%.zst']);
  });

  test('differs from a component that ends where it was cut', () => {
    expect(objectName([`${'a'.repeat(199)}%`, 'b%.zst'])).toBeUndefined();
  });
});

test.each(['v1/key/x', 'v1/B.zst/x', `v1/${'a'.repeat(199)}B${'b'.repeat(300)}/\u00e9/x`])(
  'a directory above the object %s may hold objects with each prefix of its name',
  name => {
    const levels = posix(name).split('/');
    const prefixes = Array.from({ length: name.length + 1 }, (_, length) => name.slice(0, length));
    for (let depth = 1; depth < levels.length; depth++)
      expect(prefixes.filter(prefix => !mayContain(levels.slice(0, depth), prefix))).toEqual([]);
  },
);

test.each([
  [['v1', 'other'], 'v1/key'],
  [['v1', 'keys'], 'v1/key/'],
  [['v1', 'ke'], 'v1/key'],
  [['v1', '!key'], 'v1/key'],
  [['v1', 'a%zz'], ''],
])('the directory %j holds no object with the prefix %j', (levels, prefix) => {
  expect(mayContain(levels, prefix)).toBe(false);
});

test.each(['foreign.txt', 'UPPER.zst', '%t0123456789abcdef,a.zst', '%l,a.zst', 'a%zz.zst'])(
  'the file %s is not an object',
  file => {
    expect(objectName([file])).toBeUndefined();
  },
);

test.each([
  ['', '.'],
  ['a', '.'],
  ['a/', 'a'],
  ['a/b', 'a'],
  ['a/B/c', 'a/!b'],
  ['../x', '.%2e'],
])('objects whose names start with "%s" are below %s', (prefix, directory) => {
  expect(prefixDirectory(prefix)).toBe(path.normalize(directory));
});
