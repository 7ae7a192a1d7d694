import { describe, expect, test } from 'vitest';
import { createKeyPlace, decodeComponent, encodeComponent } from '../../../src/cache/keys/object-names.ts';
import { NameTooLongError } from '../../../src/storage/store-errors.ts';

const version = '0123456789abcdef'.repeat(4);

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
  test.each(spellings)('the component %j is encoded as %j and decoded again', (text, encoded) => {
    expect(encodeComponent(text)).toBe(encoded);
    expect(decodeComponent(encoded)).toBe(text);
  });

  test('no key is encoded as a relative step or with a slash', () => {
    for (const key of ['.', '..', '...', './', '../']) {
      expect(['.', '..']).not.toContain(encodeComponent(key));
      expect(encodeComponent(key)).not.toContain('/');
    }
  });

  test('the encoding of a prefix of a key is a prefix of its encoding', () => {
    for (const key of ['..x', 'a/b=c ü', 'über', '.hidden-key']) {
      const characters = [...key];
      for (let i = 1; i <= characters.length; i++) {
        const prefix = encodeComponent(characters.slice(0, i).join(''));
        expect(encodeComponent(key).startsWith(prefix)).toBe(true);
      }
    }
  });

  test.each(['a=2', 'a=zz', 'a=2f', 'a b', 'a=41', '.x', '=FF'])(
    'the component %j is not decoded, since no text has this encoding',
    encoded => {
      expect(decodeComponent(encoded)).toBeUndefined();
    },
  );
});

describe('createKeyPlace', () => {
  const place = createKeyPlace({ label: 'x', root: 'p/v1/o/r/refs=2Fheads=2Fmain/', version });

  test('the object name of a key is parsed as the same key and version', () => {
    const name = place.objectName('go ü/1');
    expect(name).toBe(`p/v1/o/r/refs=2Fheads=2Fmain/go=20=C3=BC=2F1/${version}.tar.zst`);
    expect(place.parse(name)).toEqual({ key: 'go ü/1', version });
  });

  test('the list prefix of a key prefix covers the object names of all keys that start with it', () => {
    expect(place.objectName('col-10').startsWith(place.listPrefix('col-1'))).toBe(true);
    expect(place.objectName('..x').startsWith(place.listPrefix('.'))).toBe(true);
    expect(place.objectName('other').startsWith(place.listPrefix('col-1'))).toBe(false);
  });

  test.each([
    ['is in another place', `p/v1/o/r/refs=2Fheads=2Fdev/k/${version}.tar.zst`],
    ['has no version', 'p/v1/o/r/refs=2Fheads=2Fmain/k/latest.tar.zst'],
    ['has another suffix', `p/v1/o/r/refs=2Fheads=2Fmain/k/${version}.tar.gz`],
    ['has a further component', `p/v1/o/r/refs=2Fheads=2Fmain/k/x/${version}.tar.zst`],
    ['is below an entry', `p/v1/o/r/refs=2Fheads=2Fmain/k/${version}/x.tar.zst`],
    ['has a version of other digits', `p/v1/o/r/refs=2Fheads=2Fmain/k/${version.replace('f', 'g')}.tar.zst`],
    ['has a key that is not encoded', `p/v1/o/r/refs=2Fheads=2Fmain/k k/${version}.tar.zst`],
    ['has no key', `p/v1/o/r/refs=2Fheads=2Fmain//${version}.tar.zst`],
  ])('an object name that %s is ignored', (_, name) => {
    expect(place.parse(name)).toBeUndefined();
  });

  test('a key whose object name exceeds 1024 bytes is refused with the limit', () => {
    const fits = 'k'.repeat(1024 - place.root.length - `/${version}.tar.zst`.length);
    expect(place.objectName(fits)).toHaveLength(1024);
    expect(() => place.objectName(`${fits}k`)).toThrow(NameTooLongError);
    expect(() => place.objectName('ü'.repeat(500))).toThrow(/1024/);
  });
});
