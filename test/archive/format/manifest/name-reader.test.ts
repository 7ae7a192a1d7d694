import { describe, expect, test } from 'vitest';
import { DamagedArchiveError } from '../../../../src/archive/archive-errors.ts';
import { MAX_NAME_BYTES } from '../../../../src/archive/format/limits.ts';
import { NameReader } from '../../../../src/archive/format/manifest/name-reader.ts';

const column = (...names: (string | Buffer)[]) =>
  Buffer.concat(names.flatMap(name => [Buffer.from(name), Buffer.from([0])]));

function readAll(reader: NameReader, count: number): [string, number][] {
  return Array.from({ length: count }, () => [reader.read(), reader.length]);
}

describe('a name reader', () => {
  test('returns the names and their lengths in bytes', () => {
    const reader = new NameReader(column('a', '', 'ü', '日本'));
    expect(readAll(reader, 4)).toEqual([
      ['a', 1],
      ['', 0],
      ['ü', 2],
      ['日本', 6],
    ]);
    reader.end();
  });

  test('returns names that are not UTF-8, and U+FFFD as itself', () => {
    const reader = new NameReader(column('a', Buffer.from([0xff, 0x62]), '\ufffd'));
    expect(readAll(reader, 3)).toEqual([
      ['a', 1],
      ['\udcffb', 2],
      ['\ufffd', 3],
    ]);
    reader.end();
  });

  test('returns more names than one block holds', () => {
    const names = Array.from({ length: 20_000 }, (_, index) => `${'n'.repeat(index % 60)}-${index}`);
    const reader = new NameReader(column(...names));
    expect(readAll(reader, names.length).map(([name]) => name)).toEqual(names);
    reader.end();
  });

  test.each<[string, Buffer, number, string]>([
    ['a name that is too long', column('a', 'n'.repeat(MAX_NAME_BYTES + 1)), 2, 'too long'],
    ['a name without an end', Buffer.from('a\0b'), 2, 'does not end'],
    ['a long name without an end', Buffer.from('n'.repeat(2 * MAX_NAME_BYTES)), 1, 'too long'],
    ['too few names', column('a'), 2, 'wrong number of names'],
    ['too many names', column('a', 'b', 'c'), 2, 'wrong number of names'],
    ['no names', Buffer.alloc(0), 1, 'wrong number of names'],
  ])('refuses %s', (_, bytes, count, message) => {
    const read = () => {
      const reader = new NameReader(bytes);
      readAll(reader, count);
      reader.end();
    };
    expect(read).toThrow(DamagedArchiveError);
    expect(read).toThrow(message);
  });

  test('accepts a name of the longest length', () => {
    const reader = new NameReader(column('n'.repeat(MAX_NAME_BYTES)));
    expect(reader.read()).toBe('n'.repeat(MAX_NAME_BYTES));
    reader.end();
  });
});
