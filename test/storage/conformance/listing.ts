import { describe, expect, test } from 'vitest';
import { collect } from '../../support/collect.ts';
import type { Subject } from './subject.ts';

/** Tests the names that a store accepts, and `list`. */
export function listing(subject: Subject): void {
  describe('names', () => {
    const odd = [
      'plain',
      'with space',
      'quotes \' and "',
      '-leading dash',
      'a&b<c>d',
      'plus+and=equals',
      'percent%41%2F',
      'Gro\u00dfe \u00dcml\u00e4ute \u{1f600}',
      // Bytes put these two in one order, UTF-16 units in the other
      '\uff5e',
      '\u{1f600}',
      'UPPER',
      'upper',
      'Upper',
      'colon:star*question?',
      'back\\slash',
      'pipe|hash#',
      'trailing.',
      '.hidden',
      'con',
      'aux.tar.zst',
      'deep/er/and/deeper',
      'deep',
      'deep/er',
      'x.tar.zst',
      'x.tar.zst/below',
      'double//slash',
      'trailing/',
      `${'long'.repeat(100)}/${'Longer'.repeat(60)}`,
      `${'long'.repeat(100)}`,
    ];

    test('odd names stay distinct and are listed unchanged', async () => {
      await Promise.all(odd.map(name => subject.put(`odd/${name}`, Buffer.from(name))));
      const inByteOrder = odd
        .map(name => Buffer.from(`odd/${name}`))
        .sort(Buffer.compare)
        .map(String);
      expect(await subject.names('odd/')).toEqual(inByteOrder);
      for (const name of odd) expect((await subject.read(`odd/${name}`))?.toString()).toBe(name);
    });

    test('a prefix matches letters, not whole components', async () => {
      expect(await subject.names('odd/deep/')).toEqual(['odd/deep/er', 'odd/deep/er/and/deeper']);
      expect(await subject.names('odd/u')).toEqual(['odd/upper']);
      expect(await subject.names('odd/U')).toEqual(['odd/UPPER', 'odd/Upper']);
      expect(await subject.names('odd/x.tar.zst/b')).toEqual(['odd/x.tar.zst/below']);
      expect(await subject.names(`odd/${'long'.repeat(99)}`)).toHaveLength(2);
      expect(await subject.names('odd/none')).toEqual([]);
    });

    test('a name of 1024 bytes, the longest of S3, is accepted', async () => {
      const longest = `odd2/${'\u00e9'.repeat(509)}x`;
      await subject.put(longest, Buffer.from('longest'));
      expect(await subject.names('odd2/')).toEqual([longest]);
    });
  });

  test('delete removes one object and no other, and does nothing if there is none', async () => {
    for (const name of ['del/a', 'del/a/b', 'del/ab']) await subject.put(name, Buffer.from(name));
    await subject.store.delete('del/a');
    expect(await subject.names('del/')).toEqual(['del/a/b', 'del/ab']);
    await subject.store.delete('del/a');
    await subject.store.delete('del/a/b');
    expect(await subject.store.head('del/a/b')).toBeUndefined();
    expect(await subject.read('del/ab')).toEqual(Buffer.from('del/ab'));
    // The name can be taken again
    await subject.put('del/a', Buffer.from('again'));
    expect(await subject.names('del/')).toEqual(['del/a', 'del/ab']);
  });

  test('a listing goes on past 1000 objects, with sizes, ETags and times, and an optional one stops there', async () => {
    const all = Array.from({ length: 1003 }, (_, index) => `list/${String(index).padStart(4, '0')}`);
    const next = all.values();
    await Promise.all(
      Array.from({ length: 8 }, async () => {
        for (const name of next) await subject.put(name, Buffer.from('x'));
      }),
    );
    const listed = await collect(subject.store.list('list/'));
    expect(listed.map(({ name }) => name)).toEqual(all);
    expect(await collect(subject.store.list('list/', { hasAnyLength: true }))).toEqual(listed);
    const last = listed.at(-1);
    expect(last).toMatchObject({ sizeBytes: 1, etag: (await subject.store.head('list/1002'))?.etag });
    expect(last?.modifiedMs).toBeGreaterThan(Date.UTC(2020));
    const firstPage = await collect(subject.store.list('list/', { optional: true }));
    expect(firstPage.map(({ name }) => name)).toEqual(all.slice(0, 1000));
  });
}
