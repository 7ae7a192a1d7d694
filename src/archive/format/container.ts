import { Buffer } from 'node:buffer';
import { DamagedArchiveError } from '../archive-errors.ts';
import type { Frame } from './entry.ts';
import { FORMAT, MAX_FRAMES, MAX_STORED_MANIFEST_BYTES } from './limits.ts';

/**
 * The outer layout of an object: data frames, the end-of-archive frame, the manifest, the seek table. The other files of this
 * folder are the contents: tar headers, frames, and the manifest's columns.
 *
 * zstd frame ... zstd frame | zstd frame (2 x 512 zero bytes) | skippable frame: manifest | skippable frame: seek table
 *
 * Skippable frames are RFC 8878, section 3.1.2. The seek table is the Zstandard Seekable Format 0.1.0 (zstd,
 * contrib/seekable_format). A plain `zstd -dc` skips both.
 */

/** Raw bytes to which a frame of small entries is filled. */
export const FRAME_RAW_BYTES = 4 * 1024 * 1024;
/** Bytes above which a file is cut into slices. */
export const WHOLE_FILE_BYTES = 2 * FRAME_RAW_BYTES;
/** Data bytes of a slice. */
export const SLICE_BYTES = FRAME_RAW_BYTES;

const MANIFEST_MAGIC = 0x184d2a51;
const MANIFEST_MARK = 'CS3M';
/** Bytes of a skippable frame's header: magic and length. */
const SKIPPABLE_HEADER_BYTES = 8;
/** Bytes of the header of the manifest's frame: also the mark (4) and the format number (4). */
const MANIFEST_HEADER_BYTES = SKIPPABLE_HEADER_BYTES + 8;

const SEEK_TABLE_MAGIC = 0x184d2a5e;
const SEEKABLE_MAGIC = 0x8f92eab1;
const SEEK_FOOTER_BYTES = 9;
const SEEK_ENTRY_BYTES = 8;

/** Makes the manifest's skippable frame around its compressed payload. */
export function makeManifestFrame(payload: Uint8Array): Buffer {
  const frame = Buffer.alloc(MANIFEST_HEADER_BYTES + payload.length);
  frame.writeUInt32LE(MANIFEST_MAGIC, 0);
  frame.writeUInt32LE(frame.length - SKIPPABLE_HEADER_BYTES, 4);
  frame.write(MANIFEST_MARK, 8, 'latin1');
  frame.writeUInt32LE(FORMAT, 12);
  frame.set(payload, MANIFEST_HEADER_BYTES);
  return frame;
}

/**
 * Returns the format number and the compressed payload of a manifest's skippable frame.
 * Throws `DamagedArchiveError` if `bytes` are something else.
 */
export function readManifestFrame(bytes: Buffer): { format: number; payload: Buffer } {
  if (
    bytes.length < MANIFEST_HEADER_BYTES ||
    bytes.readUInt32LE(0) !== MANIFEST_MAGIC ||
    bytes.readUInt32LE(4) !== bytes.length - SKIPPABLE_HEADER_BYTES ||
    bytes.toString('latin1', 8, 12) !== MANIFEST_MARK
  ) {
    throw new DamagedArchiveError('its seek table does not lead to a manifest');
  }
  return { format: bytes.readUInt32LE(12), payload: bytes.subarray(MANIFEST_HEADER_BYTES) };
}

/** Makes the seek table of `frames`: all frames of the tar stream, including the end-of-archive frame. */
export function makeSeekTable(frames: readonly Pick<Frame, 'size' | 'rawSize'>[]): Buffer {
  const table = Buffer.alloc(SKIPPABLE_HEADER_BYTES + frames.length * SEEK_ENTRY_BYTES + SEEK_FOOTER_BYTES);
  table.writeUInt32LE(SEEK_TABLE_MAGIC, 0);
  table.writeUInt32LE(table.length - SKIPPABLE_HEADER_BYTES, 4);
  let at = SKIPPABLE_HEADER_BYTES;
  for (const frame of frames) {
    table.writeUInt32LE(frame.size, at);
    table.writeUInt32LE(frame.rawSize, at + 4);
    at += SEEK_ENTRY_BYTES;
  }
  table.writeUInt32LE(frames.length, at);
  table.writeUInt8(0, at + 4);
  table.writeUInt32LE(SEEKABLE_MAGIC, at + 5);
  return table;
}

/** Offsets of the parts of an object, read from its last bytes. */
interface Tail {
  /** Offset of the manifest's frame: the end of the tar stream. */
  readonly manifestStart: number;
  /** Offset of the seek table: the end of the manifest's frame. */
  readonly manifestEnd: number;
  /** Number of frames in the seek table: the frames of the manifest, and the end-of-archive frame. */
  readonly frames: number;
}

/**
 * Reads the seek table at the end of `tail`, the last bytes of an object of `objectBytes`. If `tail` has only a part of the
 * table, returns how many bytes of the object's end are `needed`.
 * Throws `DamagedArchiveError` if there is no table or it does not fit the object.
 */
export function readTail(tail: Buffer, objectBytes: number): Tail | { readonly needed: number } {
  const footer = tail.length - SEEK_FOOTER_BYTES;
  if (footer < 0 || tail.readUInt32LE(footer + 5) !== SEEKABLE_MAGIC)
    throw new DamagedArchiveError('it does not end in a seek table');
  const count = tail.readUInt32LE(footer);
  // Bit 7 of the descriptor means that checksums follow; the others are reserved
  if (tail.readUInt8(footer + 4) !== 0) throw new DamagedArchiveError('its seek table has unsupported flags');
  const tableBytes = SKIPPABLE_HEADER_BYTES + count * SEEK_ENTRY_BYTES + SEEK_FOOTER_BYTES;
  if (count > MAX_FRAMES || tableBytes > objectBytes)
    throw new DamagedArchiveError(`its seek table states ${count} frames`);
  if (tableBytes > tail.length) return { needed: tableBytes };
  const start = tail.length - tableBytes;
  const lengthInHeader = tail.readUInt32LE(start + 4);
  if (tail.readUInt32LE(start) !== SEEK_TABLE_MAGIC || lengthInHeader !== tableBytes - SKIPPABLE_HEADER_BYTES)
    throw new DamagedArchiveError('its seek table has a wrong header');
  let manifestStart = 0;
  for (let at = start + SKIPPABLE_HEADER_BYTES; at < footer; at += SEEK_ENTRY_BYTES)
    manifestStart += tail.readUInt32LE(at);
  const manifestEnd = objectBytes - tableBytes;
  if (manifestStart + MANIFEST_HEADER_BYTES > manifestEnd)
    throw new DamagedArchiveError('its frames are longer than the object');
  // The manifest is read into memory as a whole
  if (manifestEnd - manifestStart > MANIFEST_HEADER_BYTES + MAX_STORED_MANIFEST_BYTES)
    throw new DamagedArchiveError('its manifest is too long');
  return { manifestStart, manifestEnd, frames: count };
}
