import { describe, expect, test } from 'vitest';
import {
  CONTENT_HASH_BYTES,
  ContentHashes,
  hasherOf,
  newHashKey,
} from '../../../src/archive/format/content-hashes.ts';
import { EntryType } from '../../../src/archive/format/entry.ts';
import { entryOf } from '../support/entry-of.ts';

const frame = (rawSize: number) => ({ size: rawSize, rawSize, sha256: new Uint8Array(32) });

const entry = (name: string, size: number, frame: number, offset = 512) =>
  entryOf(name, EntryType.file, size > 0 ? { size, frame, offset } : {});

/** A whole file, an empty one, and one in three slices. */
const manifest = {
  frames: [frame(4096), frame(1512), frame(1000), frame(1000)],
  entries: [entry('a', 100, 0), entry('b', 0, 0), entry('c', 2500, 1)],
};
const ones = new Uint8Array(CONTENT_HASH_BYTES).fill(1);

describe('the hash of a content', async () => {
  const key = newHashKey();
  const hasher = await hasherOf(key);
  /** Returns the hash, and checks that nothing around it is written. */
  function hashOf(content: Uint8Array, by = hasher): string {
    const target = Buffer.alloc(3 * CONTENT_HASH_BYTES, 7);
    by.write(content, target, CONTENT_HASH_BYTES);
    for (const at of [0, 2 * CONTENT_HASH_BYTES])
      expect(target.subarray(at, at + CONTENT_HASH_BYTES).every(byte => byte === 7)).toBe(true);
    return target.toString('hex', CONTENT_HASH_BYTES, 2 * CONTENT_HASH_BYTES);
  }
  const zeros = (length: number) => Buffer.alloc(length);

  test('is its XXH3 of 128 bits, with the key as the seed', async () => {
    // The value for no bytes and seed 0 in the tests of xxHash
    expect(hashOf(zeros(0), await hasherOf(zeros(8)))).toBe('99aa06d3014798d86001c324468d497f');
  });

  test('is another one with another key', async () => {
    expect(hashOf(zeros(100), await hasherOf(newHashKey()))).not.toBe(hashOf(zeros(100)));
  });

  test.each([10, 200, 5000])(
    'of %i bytes is another one after a change of any bit, or of the length',
    length => {
      const hashes = new Set([hashOf(zeros(length)), hashOf(zeros(length + 1))]);
      for (let bit = 0; bit < 8 * length; bit += 37) {
        const changed = zeros(length);
        changed[bit >> 3]! ^= 1 << (bit & 7);
        hashes.add(hashOf(changed));
      }
      expect(hashes.size).toBe(2 + Math.ceil((8 * length) / 37));
    },
  );
});

describe('the hashes of contents', () => {
  test('have one for a whole file, none for an empty one, and one for each slice', () => {
    expect(new ContentHashes(manifest, newHashKey()).values).toHaveLength(4 * CONTENT_HASH_BYTES);
  });

  test('return what was set for a piece', () => {
    const hashes = new ContentHashes(manifest, newHashKey());
    const source = Uint8Array.from({ length: 40 }, (_, index) => index);
    hashes.set(2, 1, source, 5);
    expect([...hashes.get(2, 1)]).toEqual([...source.subarray(5, 5 + CONTENT_HASH_BYTES)]);
    expect(hashes.get(2, 0).every(byte => byte === 0)).toBe(true);
    expect(hashes.get(2, 2).every(byte => byte === 0)).toBe(true);
  });

  test('are those of an entry only when all its pieces are known', () => {
    const hashes = new ContentHashes(manifest, newHashKey());
    expect([0, 1, 2].map(index => hashes.has(index))).toEqual([false, false, false]);
    hashes.set(0, 0, ones, 0);
    hashes.set(2, 0, ones, 0);
    hashes.set(2, 2, ones, 0);
    expect([0, 1, 2].map(index => hashes.has(index))).toEqual([true, false, false]);
    hashes.set(2, 1, ones, 0);
    expect(hashes.has(2)).toBe(true);
  });

  test('refuse a table of another length', () => {
    expect(new ContentHashes(manifest, newHashKey(), Buffer.alloc(64)).values).toHaveLength(64);
    expect(() => new ContentHashes(manifest, newHashKey(), Buffer.alloc(48))).toThrow(RangeError);
    expect(() => new ContentHashes(manifest, Buffer.alloc(16))).toThrow(RangeError);
  });
});
