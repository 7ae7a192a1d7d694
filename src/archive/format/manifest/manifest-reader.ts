/** This folder encodes and decodes the manifest: a head, columns of entries, and names that share prefixes. */

import type { Buffer } from 'node:buffer';
import { zstdDecompressSync } from 'node:zlib';
import { DamagedArchiveError, UnusableArchiveError } from '../../archive-errors.ts';
import { requireHeap, trimHeap } from '../../memory/heap.ts';
import { Turns } from '../../turns.ts';
import { SHA256_BYTES } from '../codec.ts';
import { readManifestFrame } from '../container.ts';
import type { Entry, Frame, Manifest } from '../entry.ts';
import { FORMAT, MAX_ENTRIES, MAX_MANIFEST_BYTES } from '../limits.ts';
import { ColumnReader } from './columns.ts';
import { EntryReader } from './entry-reader.ts';
import { readHead } from './manifest-head.ts';

/** Minimum number of bytes of an entry in the decoded manifest: one in each of the columns that every entry is in. */
const MIN_ENTRY_BYTES = 9;
/** Bytes of memory for an entry without its name, and for a frame, while an archive is read, checked and restored. */
const ENTRY_HEAP_BYTES = 700;
const FRAME_HEAP_BYTES = 400;
/** Bytes of memory for an entry without its name while the manifest is read. */
const READ_ENTRY_BYTES = 256;
/** Ratio of decoded to compressed bytes that few manifests exceed. */
const USUAL_RATIO = 16;
const MIN_CHUNK_BYTES = 64 * 1024;
/** Maximum number of bytes of memory for entries that are kept unchecked: 100,000 files take about 30 MB. */
const MAX_UNCHECKED_BYTES = 128 * 1024 * 1024;

/** Checks the next entry, in the order of the manifest. Throws `DamagedArchiveError`. */
export type EntryCheck = (entry: Entry, index: number) => void;

/** Makes the check of a manifest that has `entries` entries. */
export type EntryCheckFactory = (frames: readonly Frame[], entries: number) => EntryCheck;

export interface DecodeOptions {
  /** Number of frames in the object's seek table, without the end-of-archive frame. Default: it is not checked. */
  readonly frames?: number | undefined;
  /** Makes the check of a large manifest, before its entries are kept. Default: nothing is checked here. */
  readonly createCheck?: EntryCheckFactory | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Decodes the manifest in a skippable frame that fills `bytes`, and checks that its columns are consistent. `check/validate.ts`
 * checks whether the entries may be restored.
 * Throws `UnusableArchiveError` for another format number and for more entries than fit in the heap,
 * `DamagedArchiveError` for bytes that cannot be decoded, and the signal's reason.
 */
export async function decodeManifest(bytes: Buffer, options: DecodeOptions = {}): Promise<Manifest> {
  const { format, payload } = readManifestFrame(bytes);
  if (format !== FORMAT) {
    throw new UnusableArchiveError(
      `it has archive format ${format}, and this release reads only format ${FORMAT}`,
    );
  }
  const raw = decompress(payload);
  const columns = new ColumnReader(raw);
  const { head, counts } = readHead(columns.readBytes());
  if (counts.entries > MAX_ENTRIES || counts.entries * MIN_ENTRY_BYTES > raw.length)
    throw new DamagedArchiveError(`its manifest states ${counts.entries} entries`);
  if (counts.frames !== (options.frames ?? counts.frames) || counts.frames * SHA256_BYTES > raw.length)
    throw new DamagedArchiveError(`its manifest states ${counts.frames} frames`);
  requireHeap(
    counts.entries * ENTRY_HEAP_BYTES + counts.frames * FRAME_HEAP_BYTES,
    `its ${counts.entries} entries`,
  );
  const turns = new Turns(options.signal);
  const frames = await readFrames(columns, counts.frames, turns);
  const check = options.createCheck?.(frames, counts.entries);
  const entries = await readEntries(columns, counts.entries, check, turns);
  return { head, frames, entries };
}

async function readFrames(columns: ColumnReader, count: number, turns: Turns): Promise<Frame[]> {
  const sizes = columns.readNumbers();
  const rawSizes = columns.readNumbers();
  // Copies the bytes, because a view would keep the whole decoded manifest in memory
  const hashes = new Uint8Array(columns.readBytes());
  if (hashes.length !== count * SHA256_BYTES)
    throw new DamagedArchiveError('its manifest has a wrong number of hashes');
  const frames: Frame[] = [];
  for (let index = 0; index < count; index++) {
    const sha256 = hashes.subarray(index * SHA256_BYTES, (index + 1) * SHA256_BYTES);
    frames.push({ size: sizes.readUnsigned(), rawSize: rawSizes.readUnsigned(), sha256 });
    if (turns.isDue()) await turns.take();
  }
  sizes.end();
  rawSizes.end();
  return frames;
}

/** Reads all entries. If they take much memory, checks all of them first, and then reads them again. */
async function readEntries(
  columns: ColumnReader,
  count: number,
  check: EntryCheck | undefined,
  turns: Turns,
): Promise<Entry[]> {
  const reader = new EntryReader(columns.fork());
  const entries: Entry[] = [];
  for (let index = 0; index < count; index++) {
    if (check && count * READ_ENTRY_BYTES + reader.nameBytes > MAX_UNCHECKED_BYTES) {
      entries.length = 0;
      trimHeap(0);
      const nameBytes = await checkEntries(columns, count, check, turns);
      // V8 stores a string with two bytes for each character, unless all of them are Latin-1
      requireHeap(count * ENTRY_HEAP_BYTES + 2 * nameBytes, `its ${count} entries with their names`);
      return readEntries(columns, count, undefined, turns);
    }
    entries.push(reader.read());
    if (turns.isDue()) await turns.take();
  }
  reader.end();
  // V8 joins the parts of a name when it is used first
  requireHeap(reader.nameBytes, `the names of its ${count} entries`);
  return entries;
}

/** Reads and checks all entries, and keeps none. Returns the bytes of all names in full. */
async function checkEntries(
  columns: ColumnReader,
  count: number,
  check: EntryCheck,
  turns: Turns,
): Promise<number> {
  const reader = new EntryReader(columns.fork());
  for (let index = 0; index < count; index++) {
    check(reader.read(), index);
    if (turns.isDue()) await turns.take();
  }
  reader.end();
  return reader.nameBytes;
}

function decompress(payload: Buffer): Buffer {
  try {
    return zstdDecompressSync(payload, {
      maxOutputLength: MAX_MANIFEST_BYTES,
      // This is nearly always one chunk, which is not copied. The part of it that is not filled takes no memory
      chunkSize: Math.min(MAX_MANIFEST_BYTES, MIN_CHUNK_BYTES + USUAL_RATIO * payload.length),
    });
  } catch (error) {
    throw new DamagedArchiveError('its manifest does not decompress', { cause: error });
  }
}
