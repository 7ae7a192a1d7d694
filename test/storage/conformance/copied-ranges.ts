import { beforeAll, describe, expect, test } from 'vitest';
import type { ObjectInfo } from '../../../src/storage/object-store.ts';
import { CopyRefusedError, ObjectReplacedError } from '../../../src/storage/store-errors.ts';
import { ANY_NAME } from '../../support/any-name.ts';
import { MiB } from '../../support/sizes.ts';
import { anew, bytesOf, noise, type Subject, sha256Hex } from './subject.ts';

/** Tests the promises of `copyRange`. */
export function copiedRanges(subject: Subject): void {
  describe('copyRange', () => {
    let source: ObjectInfo;

    beforeAll(async () => {
      source = await subject.put('copy/source =2B \u00fc', Uint8Array.from(noise));
    });

    if (!subject.traits.copies) {
      test('throws CopyRefusedError, and leaves nothing', async () => {
        const upload = subject.store.createUpload('copy/refused', anew);
        await expect(upload.copyRange(source, { start: 0, end: 5 * MiB })).rejects.toThrow(CopyRefusedError);
        await upload.abort();
        expect(await subject.store.abortStale('copy/refused', 0, ANY_NAME)).toBe(0);
      });
      return;
    }

    test.each([
      ['the smallest range', 0, 5 * MiB],
      ['an odd range', 1_234_567, 17_999_999],
      ['the whole object', 0, 18 * MiB],
    ])('copies %s and appends written bytes', async (label, start, end) => {
      const upload = subject.store.createUpload(`copy/${label}`, anew);
      await upload.copyRange(source, { start, end });
      const tail = bytesOf(6 * MiB, 1);
      await upload.write(Uint8Array.from(tail));
      await upload.complete();
      const copy = await subject.read(`copy/${label}`);
      expect(sha256Hex(copy ?? Buffer.of())).toBe(
        sha256Hex(Buffer.concat([noise.subarray(start, end), tail])),
      );
    });

    test('makes an object of a copy alone', async () => {
      const upload = subject.store.createUpload('copy/alone', anew);
      await upload.copyRange(source, { start: 7, end: 7 + 5 * MiB });
      await upload.complete();
      expect(sha256Hex((await subject.read('copy/alone')) ?? Buffer.of())).toBe(
        sha256Hex(noise.subarray(7, 7 + 5 * MiB)),
      );
    });

    test('refuses a source that was replaced or removed, and leaves nothing', async () => {
      for (const other of [
        { ...source, etag: 'other' },
        { name: 'copy/none', etag: source.etag },
      ]) {
        const upload = subject.store.createUpload('copy/refused', anew);
        await expect(upload.copyRange(other, { start: 0, end: 5 * MiB })).rejects.toThrow(
          ObjectReplacedError,
        );
        await expect(upload.complete()).rejects.toThrow(ObjectReplacedError);
        await upload.abort();
      }
      expect(await subject.store.head('copy/refused')).toBeUndefined();
      expect(await subject.store.abortStale('copy/refused', 0, ANY_NAME)).toBe(0);
    });
  });
}
