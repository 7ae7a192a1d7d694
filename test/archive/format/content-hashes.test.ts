import { createCipheriv, createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import {
  CONTENT_HASH_BYTES,
  ContentHasher,
  ContentHashes,
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

describe('the hash of a content', () => {
  /** Returns the hash, and checks that nothing around it is written. */
  function hashOf(content: Uint8Array, key: Uint8Array): string {
    const target = Buffer.alloc(3 * CONTENT_HASH_BYTES, 7);
    new ContentHasher(key).write(content, target, CONTENT_HASH_BYTES);
    for (const at of [0, 2 * CONTENT_HASH_BYTES])
      expect(target.subarray(at, at + CONTENT_HASH_BYTES).every(byte => byte === 7)).toBe(true);
    return target.toString('hex', CONTENT_HASH_BYTES, 2 * CONTENT_HASH_BYTES);
  }
  const key = newHashKey();
  const zeros = (length: number) => Buffer.alloc(length);

  test('of less than 4 KiB is the first half of its SHA-256', () => {
    expect(hashOf(zeros(4095), key)).toBe(
      createHash('sha256').update(zeros(4095)).digest('hex').slice(0, 32),
    );
  });

  test('of 4 KiB or more is its GMAC with the key', () => {
    const cipher = createCipheriv('aes-128-gcm', key, zeros(12));
    cipher.setAAD(zeros(4096)).final();
    expect(hashOf(zeros(4096), key)).toBe(cipher.getAuthTag().toString('hex'));
    expect(hashOf(zeros(4096), newHashKey())).not.toBe(hashOf(zeros(4096), key));
  });

  test.each([100, 5000])('of %i bytes is another one after a change of any bit, or of the length', length => {
    const hashes = new Set([hashOf(zeros(length), key), hashOf(zeros(length + 1), key)]);
    for (let bit = 0; bit < 8 * length; bit += 37) {
      const changed = zeros(length);
      changed[bit >> 3]! ^= 1 << (bit & 7);
      hashes.add(hashOf(changed, key));
    }
    expect(hashes.size).toBe(2 + Math.ceil((8 * length) / 37));
  });
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
  });
});
