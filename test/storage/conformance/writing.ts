import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { ObjectExistsError, ObjectReplacedError } from '../../../src/storage/store-errors.ts';
import { ANY_NAME } from '../../support/any-name.ts';
import { collect } from '../../support/collect.ts';
import { MiB } from '../../support/sizes.ts';
import { anew, bytesOf, type Subject, sha256Hex } from './subject.ts';

/** Tests the promises of an upload of written bytes, and `abortStale`. */
export function writing(subject: Subject): void {
  describe('writing', () => {
    test.each([
      ['nothing', []],
      ['less than a part', [100]],
      ['exactly one part', [5 * MiB]],
      ['one byte more than a part', [5 * MiB, 1]],
      ['several parts in uneven pieces', [3 * MiB, 4 * MiB, 1, 7 * MiB, 2 * MiB]],
      ['one piece of several parts', [17 * MiB]],
      ['exactly three parts', [15 * MiB]],
    ])('an upload stores %s', async (label, sizes) => {
      const pieces = sizes.map((size, index) => bytesOf(size, index));
      const content = Buffer.concat(pieces);
      let acknowledged = 0;
      const upload = subject.store.createUpload(`write/${label}`, {
        ...anew,
        onBytes: count => {
          acknowledged += count;
        },
      });
      expect(upload.hasStoredBytes).toBe(false);
      for (const piece of pieces) await upload.write(piece);
      expect(await subject.names(`write/${label}`)).toEqual([]);
      await upload.complete();
      expect(acknowledged).toBe(content.length);
      expect(await subject.store.head(`write/${label}`)).toMatchObject({ sizeBytes: content.length });
      expect(sha256Hex((await subject.read(`write/${label}`)) ?? Buffer.of())).toBe(sha256Hex(content));
      await upload.abort();
      expect(await subject.store.head(`write/${label}`)).toBeDefined();
    });

    test.each([1000, 12 * MiB])(
      'an upload of %i bytes with onlyIfAbsent never replaces an object',
      async size => {
        const name = `write/absent-${size}`;
        await subject.put(name, Buffer.from('first'));
        const upload = subject.store.createUpload(name, anew);
        await upload.write(bytesOf(size));
        await expect(upload.complete()).rejects.toThrow(ObjectExistsError);
        expect((await subject.read(name))?.toString()).toBe('first');
        expect(await subject.store.abortStale(name, 0, ANY_NAME)).toBe(0);
      },
    );

    test.each([1000, 12 * MiB])(
      'an upload of %i bytes with onlyIfEtag replaces only that version',
      async size => {
        const name = `write/etag-${size}`;
        const first = await subject.put(name, Buffer.from('first'));
        const second = await subject.put(name, bytesOf(size), { onlyIfEtag: first.etag });
        await expect(subject.put(name, bytesOf(size), { onlyIfEtag: first.etag })).rejects.toThrow(
          ObjectReplacedError,
        );
        expect((await subject.store.head(name))?.etag).toBe(second.etag);
        await expect(subject.put(`${name}-gone`, bytesOf(size), { onlyIfEtag: first.etag })).rejects.toThrow(
          ObjectReplacedError,
        );
        expect(await subject.store.head(`${name}-gone`)).toBeUndefined();
      },
    );

    test('without a condition the last upload wins', async () => {
      await subject.put('write/last', Buffer.from('first'));
      await subject.put('write/last', Buffer.from('second'));
      expect((await subject.read('write/last'))?.toString()).toBe('second');
    });

    test.each([true, false])('putEmpty stores an object without bytes (optional: %s)', async optional => {
      const name = `write/mark-${optional}`;
      await subject.store.putEmpty(name, { optional });
      const first = await subject.store.head(name, { optional });
      expect(first).toMatchObject({ name, sizeBytes: 0 });
      expect(first!.modifiedMs).toBeGreaterThan(Date.UTC(2020));
    });

    test('putEmpty replaces another object, which gets the time of the call', async () => {
      const before = await subject.put('write/mark', bytesOf(1000));
      // The time in a HEAD has whole seconds
      await new Promise(resolve => setTimeout(resolve, 1100));
      await subject.store.putEmpty('write/mark');
      const after = await subject.store.head('write/mark');
      expect(after!.sizeBytes).toBe(0);
      expect(after!.modifiedMs).toBeGreaterThan(before.modifiedMs!);
      expect(await subject.names('write/mark')).toContain('write/mark');
    });

    test('one of several uploads of a small object with onlyIfAbsent wins', async () => {
      const writers = Array.from({ length: 8 }, async (_, index) => {
        const own = subject.open();
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
      if (subject.traits.exactConditions) expect(winners).toHaveLength(1);
      expect(winners.length).toBeGreaterThan(0);
      for (const { reason } of losers) expect(reason).toBeInstanceOf(ObjectExistsError);
      const kept = (await subject.read('write/race'))?.toString();
      expect(winners.map(({ value }) => `writer ${value}`)).toContain(kept);
    });

    test('an aborted upload leaves nothing', async () => {
      const upload = subject.store.createUpload('write/aborted', anew);
      await upload.write(bytesOf(14 * MiB));
      await upload.abort();
      // Before a later call that would clean up as well
      expect(await subject.store.abortStale('write/aborted', 0, ANY_NAME)).toBe(0);
      await upload.abort();
      await expect(upload.write(Buffer.from('more'))).rejects.toThrow();
      await expect(upload.complete()).rejects.toThrow();
      expect(await subject.store.head('write/aborted')).toBeUndefined();
      expect(await subject.names('write/aborted')).toEqual([]);
      expect(await subject.store.abortStale('write/aborted', 0, ANY_NAME)).toBe(0);
    });

    test('an aborted signal ends an upload for good', async () => {
      const controller = new AbortController();
      const upload = subject.store.createUpload('write/cancelled', { ...anew, signal: controller.signal });
      await upload.write(bytesOf(14 * MiB));
      controller.abort(new Error('cancelled'));
      await expect(upload.write(randomBytes(100))).rejects.toThrow('cancelled');
      await expect(upload.complete()).rejects.toThrow('cancelled');
      await upload.abort();
      expect(await subject.store.head('write/cancelled')).toBeUndefined();
      expect(await subject.store.abortStale('write/cancelled', 0, ANY_NAME)).toBe(0);
    });

    test('abortStale removes an upload by its age, under its prefix only, if it is one of its own', async () => {
      const upload = subject.store.createUpload('write/forgotten', anew);
      await upload.write(bytesOf(14 * MiB));
      expect(await subject.store.abortStale('write/forgotten', 3_600_000, ANY_NAME)).toBe(0);
      expect(await subject.store.abortStale('write/other', 0, ANY_NAME)).toBe(0);
      const unfinished = (prefix: string, olderThanMs: number) =>
        collect(subject.store.unfinishedUploads(prefix, olderThanMs));
      expect(await unfinished('write/forgotten', 3_600_000)).toEqual([]);
      expect(await unfinished('write/other', 0)).toEqual([]);
      await expect
        .poll(() => unfinished('write/forg', 0), { timeout: 5000 })
        .toMatchObject([{ name: 'write/forgotten', begunMs: expect.any(Number) }]);
      expect(await subject.store.abortStale('write/forg', 0, { isOwn: () => false })).toBe(0);
      // Swift rounds the time of an upload up to the next second
      await expect.poll(() => subject.store.abortStale('write/forg', 0, ANY_NAME), { timeout: 5000 }).toBe(1);
      expect(await subject.store.abortStale('write/', 0, ANY_NAME)).toBe(0);
      await upload.abort();
      expect(await subject.store.head('write/forgotten')).toBeUndefined();
    });
  });
}
