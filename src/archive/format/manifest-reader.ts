import type { Buffer } from 'node:buffer';
import { zstdDecompressSync } from 'node:zlib';
import { DamagedArchiveError, UnknownFormatError } from '../archive-errors.ts';
import { decodeName } from '../fs/names.ts';
import { SHA256_BYTES } from './codec.ts';
import { ColumnReader } from './columns.ts';
import { readManifestFrame } from './container.ts';
import { type Entry, EntryType, type Frame, type Manifest, type ManifestHead } from './entry.ts';
import { FORMAT, MAX_ENTRIES, MAX_MANIFEST_BYTES, MAX_NAME_CHARACTERS } from './limits.ts';
import { OffsetPredictor } from './offset-predictor.ts';

/**
 * Reads the manifest's bytes (`ManifestWriter` makes them). Names are stored as depth and last component: an entry at depth
 * n is in the last directory at depth n - 1, an entry at depth 0 has its full name. So an entry at a depth is a child of a
 * directory of this archive. An entry at depth 0 can have any name, and is not always a root (see `ManifestWriter`):
 * `validate.ts` checks every one.
 */

/**
 * Decodes the manifest in a skippable frame that fills `bytes`. Its columns are consistent in themselves; `validate.ts`
 * checks whether they may be restored.
 * Throws `UnknownFormatError` for another format number, `DamagedArchiveError` for bytes that cannot be decoded.
 */
export function decodeManifest(bytes: Buffer): Manifest {
  const { format, payload } = readManifestFrame(bytes);
  if (format !== FORMAT) {
    throw new UnknownFormatError(
      `it has archive format ${format}, and this release reads only format ${FORMAT}`,
    );
  }
  const columns = new ColumnReader(decompress(payload));
  const { head, counts } = readHead(columns.bytes());
  if (counts.entries > MAX_ENTRIES)
    throw new DamagedArchiveError(`its manifest claims ${counts.entries} entries`);
  const frames = readFrames(columns, counts.frames);
  const entries = readEntries(columns, counts.entries);
  columns.end();
  return { head, frames, entries };
}

function readFrames(columns: ColumnReader, count: number): Frame[] {
  const sizes = columns.unsigned(count);
  const rawSizes = columns.unsigned(count);
  // A copy: a view would keep the whole decoded manifest in memory
  const hashes = new Uint8Array(columns.bytes());
  if (hashes.length !== count * SHA256_BYTES)
    throw new DamagedArchiveError('its manifest has a wrong number of hashes');
  return Array.from(sizes, (size, index) => ({
    size,
    rawSize: rawSizes[index]!,
    sha256: hashes.subarray(index * SHA256_BYTES, (index + 1) * SHA256_BYTES),
  }));
}

function readEntries(columns: ColumnReader, count: number): Entry[] {
  const components = splitNameBlock(columns.bytes(), count);
  const depths = columns.unsigned(count);
  const types = columns.bytes();
  if (types.length !== count) throw new DamagedArchiveError('its manifest has a wrong number of entry types');
  const modes = columns.unsigned(count);
  const mtimes = sums(columns.signed(count));
  const mtimeRests = columns.unsigned(count);
  const sizes = columns.unsigned(count);
  const targets = splitNameBlock(columns.bytes(), countOf(types, EntryType.symlink));
  const linkDistances = columns.unsigned(countOf(types, EntryType.hardLink));
  const uids = columns.signed(count);
  const gids = columns.signed(count);
  const dataCount = sizes.reduce((sum, size) => sum + (size > 0 ? 1 : 0), 0);
  const frames = sums(columns.signed(dataCount));
  const residuals = columns.signed(dataCount);

  const names = joinDepths(depths, components, types);
  const entries: Entry[] = new Array(count);
  const place = new OffsetPredictor();
  let symlinks = 0;
  let hardLinks = 0;
  let data = 0;
  for (let index = 0; index < count; index++) {
    const type = types[index] as EntryType;
    const size = sizes[index]!;
    let frame = -1;
    let offset = 0;
    if (size > 0) {
      frame = frames[data]!;
      offset = place.expected(frame) + residuals[data]!;
      place.after(frame, offset, size);
      data++;
    }
    entries[index] = {
      name: names[index]!,
      type,
      mode: asInteger(modes[index]!),
      mtimeUs: mtimes[index]!,
      mtimeRestNs: asInteger(mtimeRests[index]!),
      size: asInteger(size),
      target: type === EntryType.symlink ? targets[symlinks++]! : '',
      linkTo: type === EntryType.hardLink ? asInteger(index - linkDistances[hardLinks++]!) : -1,
      uid: asInteger(uids[index]!),
      gid: asInteger(gids[index]!),
      frame: asInteger(frame),
      offset: asInteger(offset),
    };
  }
  return entries;
}

/**
 * Returns the same number as a small integer if it is one. V8 keeps a number from a Float64Array as a double in 16 bytes
 * of its own; six of them are a quarter of an entry's memory.
 */
function asInteger(value: number): number {
  const integer = value | 0;
  return integer === value ? integer : value;
}

function decompress(payload: Buffer): Buffer {
  try {
    return zstdDecompressSync(payload, { maxOutputLength: MAX_MANIFEST_BYTES, chunkSize: 1024 * 1024 });
  } catch (error) {
    throw new DamagedArchiveError('its manifest does not decompress', { cause: error });
  }
}

function readHead(bytes: Buffer): { head: ManifestHead; counts: { frames: number; entries: number } } {
  let json: unknown;
  try {
    json = JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    throw new DamagedArchiveError('the head of its manifest is not JSON', { cause: error });
  }
  if (!isHead(json)) throw new DamagedArchiveError('the head of its manifest lacks a field');
  const { counts, ...head } = json;
  return { head, counts };
}

function isHead(json: unknown): json is ManifestHead & { counts: { frames: number; entries: number } } {
  if (typeof json !== 'object' || json === null) return false;
  const head = json as Record<string, unknown>;
  const counts = head.counts as Record<string, unknown> | undefined;
  const isCount = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0;
  return (
    ['tool', 'object', 'key', 'version', 'platform'].every(field => typeof head[field] === 'string') &&
    isStrings(head.paths) &&
    (head.deadDirectories === undefined || isStrings(head.deadDirectories)) &&
    typeof head.origin === 'object' &&
    head.origin !== null &&
    typeof counts === 'object' &&
    counts !== null &&
    isCount(counts.frames) &&
    isCount(counts.entries)
  );
}

function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every(item => typeof item === 'string');
}

function joinDepths(depths: Float64Array, components: readonly string[], types: Uint8Array): string[] {
  const open: string[] = [];
  const names: string[] = new Array(components.length);
  let characters = 0;
  for (let index = 0; index < components.length; index++) {
    const depth = depths[index]!;
    const component = components[index]!;
    if (depth > open.length)
      throw new DamagedArchiveError('an entry of its manifest has no parent directory');
    open.length = depth;
    if (depth > 0) checkComponent(component, types[index] === EntryType.directory);
    const name = depth > 0 ? open[depth - 1]! + component : component;
    names[index] = name;
    characters += name.length;
    if (characters > MAX_NAME_CHARACTERS)
      throw new DamagedArchiveError('the names of its entries are too long in all');
    if (types[index] === EntryType.directory) open.push(name);
  }
  return names;
}

function checkComponent(component: string, isDirectory: boolean): void {
  const slash = component.indexOf('/');
  const plain = isDirectory ? component.slice(0, -1) : component;
  if (
    slash !== (isDirectory ? component.length - 1 : -1) ||
    plain === '' ||
    plain === '.' ||
    plain === '..'
  ) {
    throw new DamagedArchiveError('a name in its manifest is not a single component');
  }
}

function splitNameBlock(block: Buffer, expected: number): string[] {
  const names = expected === 0 && block.length === 0 ? [] : splitBlock(block);
  if (names.length !== expected) throw new DamagedArchiveError('its manifest has a wrong number of names');
  return names;
}

function splitBlock(block: Buffer): string[] {
  if (block[block.length - 1] !== 0) throw new DamagedArchiveError('a name in its manifest does not end');
  const text = block.toString('utf8');
  if (!text.includes('\ufffd')) return text.slice(0, -1).split('\0');
  const names: string[] = [];
  for (let start = 0; start < block.length; ) {
    const end = block.indexOf(0, start);
    names.push(decodeName(block.subarray(start, end)));
    start = end + 1;
  }
  return names;
}

function sums(values: Float64Array): Float64Array {
  let sum = 0;
  return values.map(value => {
    sum += value;
    return sum;
  });
}

function countOf(types: Uint8Array, wanted: EntryType): number {
  return types.reduce((sum, type) => sum + (type === wanted ? 1 : 0), 0);
}
