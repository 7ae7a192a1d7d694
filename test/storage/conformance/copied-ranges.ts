import { beforeAll, describe, expect, test } from 'vitest';
import type { ObjectInfo } from '../../../src/storage/object-store.ts';
import { ObjectReplacedError } from '../../../src/storage/store-errors.ts';
import { anew, bytesOf, MiB, noise, type Subject, sha256 } from './subject.ts';

/** What `copyRange` promises. */
export function copiedRanges(subject: Subject): void {
  describe('copied ranges', () => {
    let source: ObjectInfo;

    beforeAll(async () => {
      source = await subject.put('copy/source =2B \u00fc', Uint8Array.from(noise));
    });

    test.each([
      ['the smallest', 0, 5 * MiB],
      ['an odd one', 1_234_567, 17_999_999],
      ['the whole', 0, 18 * MiB],
    ])('%s, then written bytes', async (label, start, end) => {
      const upload = subject.store.createUpload(`copy/${label}`, anew);
      await upload.copyRange(source, { start, end });
      const tail = bytesOf(6 * MiB, 1);
      await upload.write(Uint8Array.from(tail));
      await upload.complete();
      const copy = await subject.read(`copy/${label}`);
      expect(sha256(copy ?? Buffer.of())).toBe(sha256(Buffer.concat([noise.subarray(start, end), tail])));
    });

    test('a copy alone is an object', async () => {
      const upload = subject.store.createUpload('copy/alone', anew);
      await upload.copyRange(source, { start: 7, end: 7 + 5 * MiB });
      await upload.complete();
      expect(sha256((await subject.read('copy/alone')) ?? Buffer.of())).toBe(
        sha256(noise.subarray(7, 7 + 5 * MiB)),
      );
    });

    test('a source that is another by now, or gone, is refused and leaves nothing', async () => {
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
      expect(await subject.store.abortStale('copy/refused', 0)).toBe(0);
    });
  });
}
