import { describe, expect, test } from 'vitest';
import { compareNames, decodeName, encodeName, fsPath } from '../../../../src/archive/fs/paths/names.ts';

const latin1 = (text: string) => Buffer.from(text, 'latin1');

describe('bytes and strings', () => {
  test.each([
    ['ASCII', Buffer.from('plain')],
    ['UTF-8', Buffer.from('ünï 日本 \u{1f4a9}')],
    ['a real U+FFFD', Buffer.from('a\ufffdb')],
    ['Latin-1', latin1('caf\xe9')],
    ['a byte that UTF-8 never contains', latin1('\xff')],
    ['a continuation byte alone', latin1('a\x80b')],
    ['a sequence cut short at the end', latin1('x\xf0\x9f\x92')],
    ['a sequence cut short in the middle', latin1('\xe2\x82x')],
    ['an overlong slash', latin1('\xc0\xaf')],
    ['an encoded surrogate', latin1('\xed\xa0\x80')],
    ['an encoded surrogate of the escapes', latin1('\xed\xb2\x80')],
    ['a code point beyond Unicode', latin1('\xf5\x80\x80\x80')],
    [
      'valid and invalid UTF-8',
      Buffer.concat([Buffer.from('ü'), latin1('\xff'), Buffer.from('\u{1f4a9}\ufffd'), latin1('\x80')]),
    ],
  ])('a name of %s is encoded to the same bytes', (_, bytes) => {
    expect(encodeName(decodeName(bytes)).equals(bytes)).toBe(true);
  });

  test('each pair of bytes decodes to a different string', () => {
    const seen = new Set<string>();
    for (let pair = 0; pair < 0x10000; pair++) {
      const bytes = Buffer.from([pair >> 8, pair & 0xff]);
      const name = decodeName(bytes);
      seen.add(name);
      if (!encodeName(name).equals(bytes)) expect.fail(`${bytes.toString('hex')} does not come back`);
    }
    expect(seen.size).toBe(0x10000);
  });

  test('only names that are not UTF-8 are passed to the file system as bytes', () => {
    expect(fsPath('ünï\ufffd')).toBe('ünï\ufffd');
    expect(fsPath(decodeName(latin1('caf\xe9')))).toEqual(latin1('caf\xe9'));
  });
});

describe('order', () => {
  test('names are compared by their bytes', () => {
    const names = [
      '',
      '\x01',
      ' ',
      '-',
      '.',
      './a',
      './a.b',
      './a/',
      './a/b',
      './a0',
      'Z',
      'a',
      '~/',
      'ÿ',
      '\ud7ff',
      '\uffff',
      '\u{10000}',
      '\u{10ffff}',
    ];
    const escaped = [latin1('\x80'), latin1('\xff'), latin1('a\xff')].map(decodeName);
    const all = [...names, ...escaped];
    for (const a of all) {
      for (const b of all) {
        expect(Math.sign(compareNames(a, b)), `${a} and ${b}`).toBe(
          Math.sign(Buffer.compare(encodeName(a), encodeName(b))),
        );
      }
    }
  });
});
