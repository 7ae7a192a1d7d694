import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { DamagedArchiveError } from '../../../src/archive/archive-errors.ts';
import { compressFrame, openFrame, sha256 } from '../../../src/archive/format/codec.ts';
import { incompressible } from '../support/archives.ts';

const text = (length: number) => Buffer.alloc(length, 'The quick brown fox jumps over the lazy dog. ');

describe('a frame', () => {
  test.each([
    ['one block', Buffer.alloc(512)],
    ['text', text(3_000_001)],
    ['what does not shrink', incompressible(3_000_001)],
    ['exactly a block of zstd of it', incompressible(128 * 1024)],
    ['a block and one byte', incompressible(128 * 1024 + 1)],
    ['four mebibytes and a header', Buffer.concat([text(1536), incompressible(4 * 1024 * 1024)])],
    ['some of each', Buffer.concat([incompressible(900_000), text(900_000), Buffer.alloc(900_000)])],
  ])('of %s decodes to what it was', (_, raw) => {
    for (const level of [1, 3, 19]) {
      if (level === 19 && raw.length > 1_000_000) continue;
      const bytes = compressFrame(raw, level);
      expect(zstdDecompressSync(bytes).equals(raw)).toBe(true);
      expect(openFrame(bytes, { rawSize: raw.length, sha256: sha256(bytes) }).equals(raw)).toBe(true);
    }
  });

  test('that does not shrink costs a few bytes only', () => {
    expect(compressFrame(incompressible(4 * 1024 * 1024), 3).length).toBeLessThan(4 * 1024 * 1024 + 200);
  });

  test('that begins with noise is compressed all the same', () => {
    const raw = Buffer.concat([incompressible(300_000), text(3_700_000)]);
    expect(compressFrame(raw, 3).length).toBeLessThan(500_000);
  });
});

describe('what zstd is asked for', () => {
  const raw = Buffer.from(
    Array.from({ length: 60_000 }, (_, index) => `line ${(index * index) % 9973}`).join('\n'),
  );
  const whole = { [constants.ZSTD_c_windowLog]: 22 };
  const smallTable = { ...whole, [constants.ZSTD_c_chainLog]: 14 };

  test.each([
    ['level 2, as it is', 2, whole],
    ['level 3, with a small table of short matches', 3, smallTable],
    ['level 6, as it is', 6, whole],
  ])('%s', (_, level, others) => {
    const params = { ...others, [constants.ZSTD_c_compressionLevel]: level };
    const expected = zstdCompressSync(raw, { params, pledgedSrcSize: raw.length, chunkSize: raw.length });
    expect(sha256(compressFrame(raw, level))).toEqual(sha256(expected));
  });

  test('the small table changes level 3, and costs little', () => {
    const params = { ...whole, [constants.ZSTD_c_compressionLevel]: 3 };
    const plain = zstdCompressSync(raw, { params, pledgedSrcSize: raw.length, chunkSize: raw.length });
    const ours = compressFrame(raw, 3);
    expect(ours.equals(plain)).toBe(false);
    expect(ours.length).toBeLessThan(1.05 * plain.length);
  });
});

describe('opening', () => {
  const raw = text(100_000);
  const bytes = compressFrame(raw, 3);
  const good = { rawSize: raw.length, sha256: sha256(bytes) };

  test.each([
    ['a changed byte', Buffer.from(bytes.map((byte, index) => (index === 20 ? byte ^ 1 : byte))), good],
    ['a cut frame', bytes.subarray(0, -1), good],
    [
      'a cut frame with its own hash',
      bytes.subarray(0, -1),
      { ...good, sha256: sha256(bytes.subarray(0, -1)) },
    ],
    ['nothing', Buffer.alloc(0), { ...good, sha256: sha256(Buffer.alloc(0)) }],
    ['a length too short', bytes, { ...good, rawSize: raw.length - 1 }],
    ['a length too long', bytes, { ...good, rawSize: raw.length + 1 }],
    ['a length of nothing', bytes, { ...good, rawSize: 0 }],
    ['no zstd', Buffer.from('hello'), { ...good, sha256: sha256(Buffer.from('hello')) }],
  ])('%s is refused', (_, frame, expected) => {
    expect(() => openFrame(frame, expected)).toThrow(DamagedArchiveError);
  });
});
