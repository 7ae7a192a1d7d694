import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { DamagedArchiveError } from '../../../src/archive/archive-errors.ts';
import { compressFrame, openFrame, sha256 } from '../../../src/archive/format/codec.ts';
import { incompressible } from '../../support/random.ts';

const text = (length: number) => Buffer.alloc(length, 'The quick brown fox jumps over the lazy dog. ');

describe('a frame', () => {
  test.each([
    ['one block', Buffer.alloc(512)],
    ['text', text(3_000_001)],
    ['incompressible bytes', incompressible(3_000_001)],
    ['exactly one zstd block of incompressible bytes', incompressible(128 * 1024)],
    ['a zstd block and one byte of incompressible bytes', incompressible(128 * 1024 + 1)],
    ['four mebibytes and a header', Buffer.concat([text(1536), incompressible(4 * 1024 * 1024)])],
    [
      'compressible and incompressible bytes',
      Buffer.concat([incompressible(900_000), text(900_000), Buffer.alloc(900_000)]),
    ],
  ])('a frame of %s decodes to the same bytes', (_, raw) => {
    for (const level of [1, 3, 19]) {
      if (level === 19 && raw.length > 1_000_000) continue;
      const bytes = compressFrame(raw, level);
      expect(zstdDecompressSync(bytes).equals(raw)).toBe(true);
      expect(openFrame(bytes, { rawSize: raw.length, sha256: sha256(bytes) }).equals(raw)).toBe(true);
    }
  });

  test.each([text(4 * 1024 * 1024), incompressible(300_000), Buffer.alloc(1024)])(
    'a frame has memory of its size, so that it can be transferred: case %#',
    raw => {
      const bytes = compressFrame(raw, 3);
      expect(bytes.buffer.byteLength).toBe(bytes.byteLength);
    },
  );

  test('a frame of incompressible bytes is at most 200 bytes larger', () => {
    expect(compressFrame(incompressible(4 * 1024 * 1024), 3).length).toBeLessThan(4 * 1024 * 1024 + 200);
  });

  test('a frame that begins with incompressible bytes is compressed', () => {
    const raw = Buffer.concat([incompressible(300_000), text(3_700_000)]);
    expect(compressFrame(raw, 3).length).toBeLessThan(500_000);
  });
});

describe('zstd parameters', () => {
  const raw = Buffer.from(
    Array.from({ length: 60_000 }, (_, index) => `line ${(index * index) % 9973}`).join('\n'),
  );
  const whole = { [constants.ZSTD_c_windowLog]: 22 };
  const smallTable = { ...whole, [constants.ZSTD_c_chainLog]: 14 };

  test.each([
    ['level 2 uses the tables of zstd', 2, whole],
    ['level 3 uses a small table of short matches', 3, smallTable],
    ['level 6 uses the tables of zstd', 6, whole],
  ])('%s', (_, level, others) => {
    const params = { ...others, [constants.ZSTD_c_compressionLevel]: level };
    const expected = zstdCompressSync(raw, { params, pledgedSrcSize: raw.length, chunkSize: raw.length });
    expect(sha256(compressFrame(raw, level))).toEqual(sha256(expected));
  });

  test('the small table changes the output of level 3 by less than 5 %', () => {
    const params = { ...whole, [constants.ZSTD_c_compressionLevel]: 3 };
    const plain = zstdCompressSync(raw, { params, pledgedSrcSize: raw.length, chunkSize: raw.length });
    const ours = compressFrame(raw, 3);
    expect(ours.equals(plain)).toBe(false);
    expect(ours.length).toBeLessThan(1.05 * plain.length);
  });
});

describe('openFrame', () => {
  const raw = text(100_000);
  const bytes = compressFrame(raw, 3);
  const good = { rawSize: raw.length, sha256: sha256(bytes) };

  test.each([
    ['a changed byte', Buffer.from(bytes.map((byte, index) => (index === 20 ? byte ^ 1 : byte))), good],
    ['missing bytes', bytes.subarray(0, -1), good],
    [
      'missing bytes under their own hash',
      bytes.subarray(0, -1),
      { ...good, sha256: sha256(bytes.subarray(0, -1)) },
    ],
    ['no bytes', Buffer.alloc(0), { ...good, sha256: sha256(Buffer.alloc(0)) }],
    ['a claimed length that is too short', bytes, { ...good, rawSize: raw.length - 1 }],
    ['a claimed length that is too long', bytes, { ...good, rawSize: raw.length + 1 }],
    ['a claimed length of 0', bytes, { ...good, rawSize: 0 }],
    ['bytes that are not zstd', Buffer.from('hello'), { ...good, sha256: sha256(Buffer.from('hello')) }],
  ])('a frame with %s is refused', (_, frame, expected) => {
    expect(() => openFrame(frame, expected)).toThrow(DamagedArchiveError);
  });
});
