import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NameTooLongError, ObjectExistsError, ObjectReplacedError } from '../../src/storage/errors.ts';
import type { ObjectInfo, ObjectStore, UploadOptions } from '../../src/storage/object-store.ts';

/**
 * What `ObjectStore` promises, for whatever implements it.
 * @param open a new store; all of them see the same objects.
 */
export function objectStoreConformance(open: () => ObjectStore): void {
  const MiB = 1024 * 1024;
  let store: ObjectStore;

  beforeAll(() => {
    store = open();
  });
  afterAll(() => store.close());

  // One block for all: random bytes cost more than storing them. Copied, because a store owns what is written.
  const noise = randomBytes(18 * MiB);
  const bytesOf = (size: number, from = 0) => Uint8Array.from(noise.subarray(from, from + size));

  const anew: UploadOptions = { partSizeBytes: 5 * MiB, onlyIfAbsent: true };

  async function put(
    name: string,
    bytes: Uint8Array,
    options: Partial<UploadOptions> = {},
  ): Promise<ObjectInfo> {
    const upload = store.createUpload(name, { ...anew, onlyIfAbsent: false, ...options });
    await upload.write(bytes);
    return upload.complete();
  }

  async function read(name: string): Promise<Buffer | undefined> {
    const info = await store.head(name);
    if (!info) return undefined;
    return Buffer.from((await store.getRange(name, { start: 0, end: info.sizeBytes }))?.bytes ?? []);
  }

  async function names(prefix: string): Promise<string[]> {
    const found: string[] = [];
    for await (const { name } of store.list(prefix)) found.push(name);
    return found;
  }

  const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

  describe('reading', () => {
    const content = randomBytes(1000);

    beforeAll(async () => {
      await put('read/object', content);
      await put('read/empty', new Uint8Array(0));
    });

    test('head tells size, ETag and time', async () => {
      const info = await store.head('read/object');
      expect(info).toMatchObject({ name: 'read/object', sizeBytes: 1000 });
      expect(info?.etag).toMatch(/^[^"]+$/);
      expect(info?.modifiedMs).toBeGreaterThan(Date.UTC(2020));
    });

    test.each([
      ['the whole', { start: 0, end: 1000 }, 0, 1000],
      ['one byte', { start: 0, end: 1 }, 0, 1],
      ['the middle', { start: 300, end: 700 }, 300, 700],
      ['the last byte', { start: 999, end: 1000 }, 999, 1000],
      ['past the end', { start: 900, end: 5000 }, 900, 1000],
      ['a suffix', { suffix: 10 }, 990, 1000],
      ['a suffix of the whole', { suffix: 1000 }, 0, 1000],
      ['a suffix longer than the object', { suffix: 5000 }, 0, 1000],
      ['no byte', { start: 5, end: 5 }, 5, 5],
      ['a suffix of no byte', { suffix: 0 }, 1000, 1000],
      ['all past the end', { start: 1000, end: 1010 }, 1000, 1000],
      ['far past the end', { start: 9999, end: 10_010 }, 1000, 1000],
    ])('a range: %s', async (_, range, start, end) => {
      const counts: number[] = [];
      const answer = await store.getRange('read/object', range, { onBytes: count => counts.push(count) });
      expect(answer).toMatchObject({ start, sizeBytes: 1000, etag: (await store.head('read/object'))?.etag });
      expect(Buffer.from(answer?.bytes ?? [])).toEqual(content.subarray(start, end));
      expect(counts.reduce((sum, count) => sum + count, 0)).toBe(end - start);
    });

    test('bytes are alone in their buffer, so that they can be transferred', async () => {
      const answer = await store.getRange('read/object', { start: 10, end: 20 });
      expect(answer?.bytes.buffer.byteLength).toBe(10);
      expect(structuredClone(answer?.bytes, { transfer: answer ? [answer.bytes.buffer] : [] })).toHaveLength(
        10,
      );
    });

    test.each([{ start: 0, end: 10 }, { suffix: 10 }])(
      'an empty object answers zero bytes to %o',
      async range => {
        const answer = await store.getRange('read/empty', range);
        expect(answer).toMatchObject({ start: 0, sizeBytes: 0 });
        expect(answer?.bytes).toHaveLength(0);
      },
    );

    test('a missing object is undefined', async () => {
      expect(await store.head('read/none')).toBeUndefined();
      expect(await store.getRange('read/none', { suffix: 10 })).toBeUndefined();
      expect(await store.getRange('read/none', { start: 0, end: 10 }, { etag: 'x' })).toBeUndefined();
      expect(await store.head('read')).toBeUndefined();
      expect(await store.head('read/object/below')).toBeUndefined();
    });

    test('an ETag pins the version', async () => {
      const first = await put('read/pinned', randomBytes(100));
      const pinned = { etag: first.etag };
      expect((await store.getRange('read/pinned', { suffix: 50 }, pinned))?.bytes).toHaveLength(50);
      const second = await put('read/pinned', randomBytes(100));
      expect(second.etag).not.toBe(first.etag);
      await expect(store.getRange('read/pinned', { suffix: 50 }, pinned)).rejects.toThrow(
        ObjectReplacedError,
      );
      await expect(store.getRange('read/pinned', { start: 5, end: 5 }, pinned)).rejects.toThrow(
        ObjectReplacedError,
      );
    });

    test('an aborted signal ends a read with its reason', async () => {
      const signal = AbortSignal.abort(new Error('cancelled'));
      await expect(store.getRange('read/object', { suffix: 5 }, { signal })).rejects.toThrow('cancelled');
      await expect(store.head('read/object', { signal })).rejects.toThrow('cancelled');
    });
  });

  describe('writing', () => {
    test.each([
      ['nothing', []],
      ['less than a part', [100]],
      ['exactly one part', [5 * MiB]],
      ['one byte more than a part', [5 * MiB, 1]],
      ['several parts in uneven pieces', [3 * MiB, 4 * MiB, 1, 7 * MiB, 2 * MiB]],
      ['one piece of several parts', [17 * MiB]],
      ['exactly three parts', [15 * MiB]],
    ])('%s', async (label, sizes) => {
      const pieces = sizes.map((size, index) => bytesOf(size, index));
      const content = Buffer.concat(pieces);
      let acknowledged = 0;
      const upload = store.createUpload(`write/${label}`, {
        ...anew,
        onBytes: count => {
          acknowledged += count;
        },
      });
      expect(upload.accepted).toBe(false);
      for (const piece of pieces) await upload.write(piece);
      expect(await names(`write/${label}`)).toEqual([]);
      const info = await upload.complete();
      expect(acknowledged).toBe(content.length);
      expect(info).toMatchObject({ name: `write/${label}`, sizeBytes: content.length });
      expect((await store.head(`write/${label}`))?.etag).toBe(info.etag);
      expect(sha256((await read(`write/${label}`)) ?? Buffer.of())).toBe(sha256(content));
      await upload.abort();
      expect(await store.head(`write/${label}`)).toBeDefined();
    });

    test.each([1000, 12 * MiB])('only if absent: %i bytes never replace an object', async size => {
      const name = `write/absent-${size}`;
      await put(name, Buffer.from('first'));
      const upload = store.createUpload(name, anew);
      await upload.write(bytesOf(size));
      await expect(upload.complete()).rejects.toThrow(ObjectExistsError);
      expect((await read(name))?.toString()).toBe('first');
      expect(await store.abortStale(name, 0)).toBe(0);
    });

    test.each([1000, 12 * MiB])('only if this ETag: %i bytes', async size => {
      const name = `write/etag-${size}`;
      const first = await put(name, Buffer.from('first'));
      const second = await put(name, bytesOf(size), { onlyIfEtag: first.etag });
      await expect(put(name, bytesOf(size), { onlyIfEtag: first.etag })).rejects.toThrow(ObjectReplacedError);
      expect((await store.head(name))?.etag).toBe(second.etag);
      await expect(put(`${name}-gone`, bytesOf(size), { onlyIfEtag: first.etag })).rejects.toThrow(
        ObjectReplacedError,
      );
      expect(await store.head(`${name}-gone`)).toBeUndefined();
    });

    test('without a condition the last writer wins', async () => {
      await put('write/last', Buffer.from('first'));
      await put('write/last', Buffer.from('second'));
      expect((await read('write/last'))?.toString()).toBe('second');
    });

    test('of several writers of a small object one wins', async () => {
      const writers = Array.from({ length: 8 }, async (_, index) => {
        const own = open();
        const upload = own.createUpload('write/race', anew);
        await upload.write(Buffer.from(`writer ${index}`));
        return upload
          .complete()
          .then(() => index)
          .finally(() => own.close());
      });
      const ends = await Promise.allSettled(writers);
      const winners = ends.filter(end => end.status === 'fulfilled');
      const losers = ends.filter(end => end.status === 'rejected');
      expect(winners).toHaveLength(1);
      for (const { reason } of losers) expect(reason).toBeInstanceOf(ObjectExistsError);
      expect((await read('write/race'))?.toString()).toBe(`writer ${winners[0]?.value}`);
    });

    test('an aborted upload leaves nothing', async () => {
      const upload = store.createUpload('write/aborted', anew);
      await upload.write(bytesOf(14 * MiB));
      await upload.abort();
      await upload.abort();
      await expect(upload.write(Buffer.from('more'))).rejects.toThrow();
      await expect(upload.complete()).rejects.toThrow();
      expect(await store.head('write/aborted')).toBeUndefined();
      expect(await names('write/aborted')).toEqual([]);
      expect(await store.abortStale('write/aborted', 0)).toBe(0);
    });

    test('a signal ends an upload, and the failure stays', async () => {
      const controller = new AbortController();
      const upload = store.createUpload('write/cancelled', { ...anew, signal: controller.signal });
      await upload.write(bytesOf(14 * MiB));
      controller.abort(new Error('cancelled'));
      await expect(upload.write(randomBytes(100))).rejects.toThrow('cancelled');
      await expect(upload.complete()).rejects.toThrow('cancelled');
      await upload.abort();
      expect(await store.head('write/cancelled')).toBeUndefined();
      expect(await store.abortStale('write/cancelled', 0)).toBe(0);
    });

    test('a forgotten upload is swept by age, under its prefix only', async () => {
      const upload = store.createUpload('write/forgotten', anew);
      await upload.write(bytesOf(14 * MiB));
      expect(await store.abortStale('write/forgotten', 3_600_000)).toBe(0);
      expect(await store.abortStale('write/other', 0)).toBe(0);
      expect(await store.abortStale('write/forg', 0)).toBe(1);
      expect(await store.abortStale('write/', 0)).toBe(0);
      await upload.abort();
      expect(await store.head('write/forgotten')).toBeUndefined();
    });
  });

  describe('copied ranges', () => {
    const content = noise;
    let source: ObjectInfo;

    beforeAll(async () => {
      source = await put('copy/source =2B', Uint8Array.from(content));
    });

    test.each([
      ['the smallest', 0, 5 * MiB],
      ['an odd one', 1_234_567, 17_999_999],
      ['the whole', 0, 18 * MiB],
    ])('%s, then written bytes', async (label, start, end) => {
      const upload = store.createUpload(`copy/${label}`, anew);
      await upload.copyRange(source, { start, end });
      const tail = bytesOf(6 * MiB, 1);
      await upload.write(Uint8Array.from(tail));
      const info = await upload.complete();
      expect(info.sizeBytes).toBe(end - start + tail.length);
      const copy = await read(`copy/${label}`);
      expect(sha256(copy ?? Buffer.of())).toBe(sha256(Buffer.concat([content.subarray(start, end), tail])));
    });

    test('a copy alone is an object', async () => {
      const upload = store.createUpload('copy/alone', anew);
      await upload.copyRange(source, { start: 7, end: 7 + 5 * MiB });
      await upload.complete();
      expect(sha256((await read('copy/alone')) ?? Buffer.of())).toBe(
        sha256(content.subarray(7, 7 + 5 * MiB)),
      );
    });

    test('a source that is another by now, or gone, is refused and leaves nothing', async () => {
      for (const other of [
        { ...source, etag: 'other' },
        { name: 'copy/none', etag: source.etag },
      ]) {
        const upload = store.createUpload('copy/refused', anew);
        await expect(upload.copyRange(other, { start: 0, end: 5 * MiB })).rejects.toThrow(
          ObjectReplacedError,
        );
        await expect(upload.complete()).rejects.toThrow(ObjectReplacedError);
        await upload.abort();
      }
      expect(await store.head('copy/refused')).toBeUndefined();
      expect(await store.abortStale('copy/refused', 0)).toBe(0);
    });
  });

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

    test('odd names stay apart, and are listed as they are', async () => {
      await Promise.all(odd.map(name => put(`odd/${name}`, Buffer.from(name))));
      const inByteOrder = odd
        .map(name => Buffer.from(`odd/${name}`))
        .sort(Buffer.compare)
        .map(String);
      expect(await names('odd/')).toEqual(inByteOrder);
      for (const name of odd) expect((await read(`odd/${name}`))?.toString()).toBe(name);
    });

    test('a prefix is one of letters, not of components', async () => {
      expect(await names('odd/deep/')).toEqual(['odd/deep/er', 'odd/deep/er/and/deeper']);
      expect(await names('odd/u')).toEqual(['odd/upper']);
      expect(await names('odd/U')).toEqual(['odd/UPPER', 'odd/Upper']);
      expect(await names('odd/x.tar.zst/b')).toEqual(['odd/x.tar.zst/below']);
      expect(await names(`odd/${'long'.repeat(99)}`)).toHaveLength(2);
      expect(await names('odd/none')).toEqual([]);
    });

    test('1024 bytes are taken, one more is refused', async () => {
      const longest = `odd2/${'\u00e9'.repeat(509)}x`;
      await put(longest, Buffer.from('longest'));
      expect(await names('odd2/')).toEqual([longest]);
      await expect(put(`${longest}x`, Buffer.from('longer'))).rejects.toThrow(NameTooLongError);
    });
  });

  test('a listing goes on past 1000 objects, with sizes, ETags and times, and a glance does not', async () => {
    const all = Array.from({ length: 1003 }, (_, index) => `list/${String(index).padStart(4, '0')}`);
    const next = all.values();
    await Promise.all(
      Array.from({ length: 8 }, async () => {
        for (const name of next) await put(name, Buffer.from('x'));
      }),
    );
    const listed: ObjectInfo[] = [];
    for await (const info of store.list('list/')) listed.push(info);
    expect(listed.map(({ name }) => name)).toEqual(all);
    const last = listed.at(-1);
    expect(last).toMatchObject({ sizeBytes: 1, etag: (await store.head('list/1002'))?.etag });
    expect(last?.modifiedMs).toBeGreaterThan(Date.UTC(2020));
    const glanced: string[] = [];
    for await (const { name } of store.list('list/', { glance: true })) glanced.push(name);
    expect(glanced).toEqual(all.slice(0, 1000));
  });

  test('counts what it asks', async () => {
    const before = store.counters.requests;
    await store.head('counted');
    expect(store.counters.requests).toBeGreaterThan(before);
  });
}
