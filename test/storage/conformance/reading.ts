import { randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { ObjectReplacedError } from '../../../src/storage/store-errors.ts';
import { MiB } from '../../support/sizes.ts';
import type { Subject } from './subject.ts';

/** Tests the promises of `head` and `getRange`. */
export function reading(subject: Subject): void {
  describe('reading', () => {
    const content = randomBytes(1000);

    beforeAll(async () => {
      await subject.put('read/object', content);
      await subject.put('read/empty', new Uint8Array(0));
    });

    test('head returns size, ETag and time', async () => {
      const info = await subject.store.head('read/object');
      expect(info).toMatchObject({ name: 'read/object', sizeBytes: 1000 });
      expect(info?.etag).toMatch(/^[^"]+$/);
      expect(info?.modifiedMs).toBeGreaterThan(Date.UTC(2020));
    });

    test.each([
      ['the whole object', { start: 0, end: 1000 }, 0, 1000],
      ['one byte', { start: 0, end: 1 }, 0, 1],
      ['the middle', { start: 300, end: 700 }, 300, 700],
      ['the last byte', { start: 999, end: 1000 }, 999, 1000],
      ['a range that ends past the end', { start: 900, end: 5000 }, 900, 1000],
      ['a suffix', { suffix: 10 }, 990, 1000],
      ['a suffix of the size of the object', { suffix: 1000 }, 0, 1000],
      ['a suffix longer than the object', { suffix: 5000 }, 0, 1000],
      ['no byte', { start: 5, end: 5 }, 5, 5],
      ['a suffix of no byte', { suffix: 0 }, 1000, 1000],
      ['a range that starts at the end', { start: 1000, end: 1010 }, 1000, 1000],
      ['a range far past the end', { start: 9999, end: 10_010 }, 1000, 1000],
    ])('getRange returns %s', async (_, range, start, end) => {
      const counts: number[] = [];
      const answer = await subject.store.getRange('read/object', range, {
        onBytes: count => counts.push(count),
      });
      expect(answer).toMatchObject({
        start,
        sizeBytes: 1000,
        etag: (await subject.store.head('read/object'))?.etag,
      });
      expect(Buffer.from(answer?.bytes ?? [])).toEqual(content.subarray(start, end));
      expect(counts.reduce((sum, count) => sum + count, 0)).toBe(end - start);
    });

    test('getRange returns the time of modification that head returns, to the second', async () => {
      const info = await subject.store.head('read/object');
      const answer = await subject.store.getRange('read/object', { suffix: 10 });
      expect(Math.floor(answer!.modifiedMs! / 1000)).toBe(Math.floor(info!.modifiedMs! / 1000));
    });

    test('the clock of the store is not before the time of an object', async () => {
      const info = await subject.store.head('read/object');
      // A Date header has whole seconds, rounded down, and Swift rounds the time of an object up
      expect(subject.store.nowMs).toBeGreaterThanOrEqual(info!.modifiedMs! - 1000);
    });

    test('getRange returns bytes alone in their buffer, so that they can be transferred', async () => {
      const answer = await subject.store.getRange('read/object', { start: 10, end: 20 });
      expect(answer?.bytes.buffer.byteLength).toBe(10);
      expect(structuredClone(answer?.bytes, { transfer: answer ? [answer.bytes.buffer] : [] })).toHaveLength(
        10,
      );
    });

    test.each([{ start: 0, end: 10 }, { suffix: 10 }])(
      'getRange returns zero bytes of an empty object for %o',
      async range => {
        const answer = await subject.store.getRange('read/empty', range);
        expect(answer).toMatchObject({ start: 0, sizeBytes: 0 });
        expect(answer?.bytes).toHaveLength(0);
      },
    );

    test('head and getRange return undefined for a missing object', async () => {
      expect(await subject.store.head('read/none')).toBeUndefined();
      expect(await subject.store.getRange('read/none', { suffix: 10 })).toBeUndefined();
      expect(await subject.store.getRange('read/none', { start: 0, end: 10 }, { etag: 'x' })).toBeUndefined();
      expect(await subject.store.head('read')).toBeUndefined();
      expect(await subject.store.head('read/object/below')).toBeUndefined();
    });

    test('getRange with an ETag reads only that version', async () => {
      const first = await subject.put('read/pinned', randomBytes(100));
      const pinned = { etag: first.etag };
      expect((await subject.store.getRange('read/pinned', { suffix: 50 }, pinned))?.bytes).toHaveLength(50);
      const second = await subject.put('read/pinned', randomBytes(100));
      expect(second.etag).not.toBe(first.etag);
      await expect(subject.store.getRange('read/pinned', { suffix: 50 }, pinned)).rejects.toThrow(
        ObjectReplacedError,
      );
      await expect(subject.store.getRange('read/pinned', { start: 5, end: 5 }, pinned)).rejects.toThrow(
        ObjectReplacedError,
      );
    });

    test('an aborted signal ends a read with its reason', async () => {
      const signal = AbortSignal.abort(new Error('cancelled'));
      await expect(subject.store.getRange('read/object', { suffix: 5 }, { signal })).rejects.toThrow(
        'cancelled',
      );
      await expect(subject.store.head('read/object', { signal })).rejects.toThrow('cancelled');
    });

    test('a read that is aborted by an error of the tree rejects with it, not with an error of the store', async () => {
      await subject.put('read/large', randomBytes(9 * MiB));
      const controller = new AbortController();
      const full = Object.assign(new Error('the disk is full'), { code: 'ENOSPC' });
      const onBytes = () => controller.abort(full);
      const read = subject.store.getRange(
        'read/large',
        { start: 0, end: 9 * MiB },
        { signal: controller.signal, onBytes },
      );
      await expect(read).rejects.toBe(full);
    });
  });
}
