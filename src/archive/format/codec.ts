import { Buffer } from 'node:buffer';
import { hash } from 'node:crypto';
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { DamagedArchiveError } from '../archive-errors.ts';
import type { Frame } from './entry.ts';

/** Compresses, checks and decompresses one zstd frame in memory. docs/adr/0001 explains the choice of `node:zlib`. */

/** Share of its size to which a sample must shrink. If none does, the data is stored uncompressed. */
const STORED_ABOVE = 0.98;
const SAMPLE_BYTES = 4096;
const SAMPLES = 8;
/** Largest block of a zstd frame (RFC 8878, section 3.1.1.2). */
const ZSTD_BLOCK_BYTES = 128 * 1024;
/** Binary logarithm of 4 MiB, a frame's usual size. */
const WINDOW_LOG = 22;
/** The default level, for which a table size is set here. */
const TUNED_LEVEL = 3;
/** Binary logarithm of the number of short matches. Zstd's 16 would displace the 512 KiB of long matches from a core's cache. */
const SHORT_TABLE_LOG = 14;
const FRAME_MAGIC = 0xfd2fb528;
/** Frame header descriptor: 4-byte content size, single segment, no checksum, no dictionary. */
const STORED_DESCRIPTOR = 0xa0;
const STORED_HEADER_BYTES = 9;

/** Makes a zstd frame that decodes to `raw`. `level` is 1 to 19. */
export function compressFrame(raw: Buffer, level: number): Buffer<ArrayBuffer> {
  if (isIncompressible(raw)) return makeStoredFrame(raw);
  const frame = zstdCompressSync(raw, {
    params: {
      [constants.ZSTD_c_compressionLevel]: level,
      // The window covers the whole frame: the 2 MiB of level 3 make frames 3 % larger
      [constants.ZSTD_c_windowLog]: WINDOW_LOG,
      // In zstd's level 3 (its `dfast` strategy) this is the table of short matches
      ...(level === TUNED_LEVEL && { [constants.ZSTD_c_chainLog]: SHORT_TABLE_LOG }),
    },
    // One chunk has room for the whole output, so that no chunks are joined. It is never from Buffer's pool, whose memory can be
    // neither transferred to another thread nor released
    chunkSize: Math.max(compressBound(raw.length), Buffer.poolSize),
    pledgedSrcSize: raw.length,
  }) as Buffer<ArrayBuffer>;
  // Copies exactly its bytes, because a transferred buffer is counted in full in the other thread
  return Buffer.from(frame.buffer.transfer(frame.byteLength));
}

/** Returns the maximum number of bytes to which zstd compresses `rawBytes` (ZSTD_COMPRESSBOUND, rounded up). */
export function compressBound(rawBytes: number): number {
  return rawBytes + Math.ceil(rawBytes / 128) + 1024;
}

/** Returns whether no sample of `raw` shrinks by 2 %, as in archives, images and compressed packages. */
function isIncompressible(raw: Buffer): boolean {
  if (raw.length < 2 * SAMPLES * SAMPLE_BYTES) return false;
  const stride = Math.floor((raw.length - SAMPLE_BYTES) / (SAMPLES - 1));
  const params = { [constants.ZSTD_c_compressionLevel]: 1 };
  for (let index = 0; index < SAMPLES; index++) {
    const sample = raw.subarray(index * stride, index * stride + SAMPLE_BYTES);
    if (
      zstdCompressSync(sample, { params, chunkSize: 2 * SAMPLE_BYTES }).length <
      STORED_ABOVE * SAMPLE_BYTES
    )
      return false;
  }
  return true;
}

/** Makes a frame of raw blocks, as zstd writes for incompressible data, but without a search for matches. */
function makeStoredFrame(raw: Buffer): Buffer<ArrayBuffer> {
  const blocks = Math.ceil(raw.length / ZSTD_BLOCK_BYTES);
  const frame = Buffer.allocUnsafeSlow(STORED_HEADER_BYTES + 3 * blocks + raw.length);
  frame.writeUInt32LE(FRAME_MAGIC, 0);
  frame.writeUInt8(STORED_DESCRIPTOR, 4);
  frame.writeUInt32LE(raw.length, 5);
  let at = STORED_HEADER_BYTES;
  for (let start = 0; start < raw.length; start += ZSTD_BLOCK_BYTES) {
    const size = Math.min(ZSTD_BLOCK_BYTES, raw.length - start);
    const last = start + size === raw.length ? 1 : 0;
    frame.writeUIntLE((size << 3) | last, at, 3);
    raw.copy(frame, at + 3, start, start + size);
    at += 3 + size;
  }
  return frame;
}

export const SHA256_BYTES = 32;

/** Returns the SHA-256 of `bytes`. */
export function sha256(bytes: Uint8Array): Buffer {
  return hash('sha256', bytes, 'buffer');
}

/** Checks the hash of a frame, and decompresses it. Throws `DamagedArchiveError` if the hash or the decoded length is wrong. */
export function openFrame(bytes: Uint8Array, expected: Pick<Frame, 'rawSize' | 'sha256'>): Buffer {
  if (!sha256(bytes).equals(expected.sha256))
    throw new DamagedArchiveError('the checksum of a frame is wrong');
  return decodeFrame(bytes, expected.rawSize);
}

/** Decompresses a frame whose hash was checked. Throws `DamagedArchiveError` if the decoded length is not `rawSize`. */
export function decodeFrame(bytes: Uint8Array, rawSize: number): Buffer {
  let cause: unknown;
  try {
    const raw = zstdDecompressSync(bytes, {
      chunkSize: Math.max(rawSize + 64, Buffer.poolSize),
      maxOutputLength: Math.max(rawSize, 1),
    });
    // A skippable frame decodes to nothing without an error
    if (raw.length === rawSize) return raw;
  } catch (error) {
    cause = error;
  }
  throw new DamagedArchiveError('a frame does not decompress to its length', { cause });
}
