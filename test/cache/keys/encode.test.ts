import { describe, expect, test } from 'vitest';
import { decodeComponent, encodeComponent } from '../../../src/cache/keys/encode.ts';

const spellings = [
  ['linux-go_1.2', 'linux-go_1.2'],
  ['AZaz09', 'AZaz09'],
  ['@[`{/:', '=40=5B=60=7B=2F=3A'],
  ['a b', 'a=20b'],
  ['a/b', 'a=2Fb'],
  ['a=b', 'a=3Db'],
  ['100%', '100=25'],
  ['ü', '=C3=BC'],
  ['#?&+', '=23=3F=26=2B'],
  ['.', '=2E'],
  ['..', '=2E.'],
  ['../../etc', '=2E.=2F..=2Fetc'],
  ['a..', 'a..'],
] as const;

describe('components of object names', () => {
  test.each(spellings)('%s is %s', (text, encoded) => {
    expect(encodeComponent(text)).toBe(encoded);
    expect(decodeComponent(encoded)).toBe(text);
  });

  test('are never a relative step, whatever the key', () => {
    for (const key of ['.', '..', '...', './', '../']) {
      expect(['.', '..']).not.toContain(encodeComponent(key));
      expect(encodeComponent(key)).not.toContain('/');
    }
  });

  test('keep prefixes: the encoding of a prefix is a prefix of the encoding', () => {
    for (const key of ['..x', 'a/b=c ü', 'über', '.hidden-key']) {
      const characters = [...key];
      for (let i = 1; i <= characters.length; i++) {
        const prefix = encodeComponent(characters.slice(0, i).join(''));
        expect(encodeComponent(key).startsWith(prefix)).toBe(true);
      }
    }
  });

  test.each(['a=2', 'a=zz', 'a=2f', 'a b', 'a=41', '.x', '=FF'])('%s is no encoding', encoded => {
    expect(decodeComponent(encoded)).toBeUndefined();
  });
});
