import { Buffer } from 'node:buffer';
import { releaseOwned } from '../memory/buffers.ts';
import { readTail } from './container.ts';
import type { Manifest } from './entry.ts';
import { type DecodeOptions, decodeManifest } from './manifest/manifest-reader.ts';

/** Consecutive bytes of an object. */
export interface ObjectBytes {
  readonly start: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Reads the bytes `start` to `end` (exclusive) of the object. */
type ObjectReader = (start: number, end: number) => Promise<Uint8Array<ArrayBuffer>>;

/** An object whose manifest has been read. */
export interface OpenArchive {
  readonly manifest: Manifest;
  /** The bytes of the manifest's frame. */
  readonly manifestBytes: Uint8Array;
  /** Offset of the end of the tar stream. */
  readonly manifestStart: number;
  /** The end of the object, as far as it has been read: the whole of a small archive. */
  readonly tail: ObjectBytes;
}

/**
 * Reads an object's manifest, starting from its last bytes.
 * Throws `DamagedArchiveError`, `UnusableArchiveError`, the reason of `signal`, and the errors of `read`.
 */
export async function openArchive(
  tail: ObjectBytes,
  objectBytes: number,
  read: ObjectReader,
  options: Omit<DecodeOptions, 'frames'> = {},
): Promise<OpenArchive> {
  let known = tail;
  let parts = readTail(toBuffer(known.bytes), objectBytes);
  if ('needed' in parts) {
    known = await readEarlier(known, objectBytes - parts.needed, read);
    parts = readTail(toBuffer(known.bytes), objectBytes) as Exclude<typeof parts, { needed: number }>;
  }
  if (known.start > parts.manifestStart) known = await readEarlier(known, parts.manifestStart, read);
  const { manifestStart, manifestEnd } = parts;
  const bytes = toBuffer(known.bytes).subarray(manifestStart - known.start, manifestEnd - known.start);
  // The end-of-archive frame is not in the manifest
  const manifest = await decodeManifest(bytes, { frames: parts.frames - 1, ...options });
  return { manifest, manifestBytes: bytes, manifestStart, tail: known };
}

/** Returns the bytes from `start` on: reads those before `known` and adds `known`. */
async function readEarlier(known: ObjectBytes, start: number, read: ObjectReader): Promise<ObjectBytes> {
  const before = await read(start, known.start);
  const bytes = new Uint8Array(before.length + known.bytes.length);
  bytes.set(before);
  bytes.set(known.bytes, before.length);
  releaseOwned(before);
  return { start, bytes };
}

function toBuffer(bytes: Uint8Array<ArrayBuffer>): Buffer<ArrayBuffer> {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
