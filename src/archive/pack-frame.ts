import { Buffer } from 'node:buffer';
import { type BigIntStats, closeSync, constants, fstatSync, openSync, readSync, type Stats } from 'node:fs';
import { shrink } from './buffers.ts';
import { compressFrame, sha256 } from './codec.ts';
import { EntryType } from './entry.ts';
import { SourceTreeError } from './errors.ts';
import { MAX_FRAME_RAW_BYTES } from './format.ts';
import {
  type FileIdentity,
  PackColumn,
  PackedColumn,
  type PackJob,
  type PackResult,
  type SliceOfFile,
  splitStrings,
  VANISHED,
} from './jobs.ts';
import { fsPath, printable } from './names.ts';
import { thisPlatform, toMicroseconds } from './platform.ts';
import { headerBound, padding, type TarMember, writeHeader } from './tar-header.ts';
import { readable, unreadable } from './tree-errors.ts';

/** Runs in a worker: reads the members of one frame, writes them as tar, compresses and hashes the whole. */
export function packFrame(job: PackJob): PackResult {
  const raw = new RawBytes();
  const numbers = job.slice ? packSlice(job, job.slice, raw) : packWhole(job, raw);
  const bytes = shrink(compressFrame(raw.written(), job.level));
  return { bytes, rawSize: raw.at, sha256: Uint8Array.from(sha256(bytes)), numbers };
}

/** The memory that a worker packs into, kept from frame to frame: fresh memory costs more than the work in it. */
let scratch = Buffer.allocUnsafeSlow(0);

class RawBytes {
  at = 0;

  /** Room for `more` bytes after `at`. */
  reserve(more: number): Buffer {
    if (this.at + more > scratch.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(this.at + more, 2 * scratch.length));
      scratch.copy(larger, 0, 0, this.at);
      scratch = larger;
    }
    return scratch;
  }

  header(member: TarMember): void {
    this.at = writeHeader(this.reserve(headerBound(member.name, member.linkName)), this.at, member);
  }

  /** Whether a member's header with another time fits exactly where the first one stands. */
  replaceHeader(start: number, end: number, member: TarMember): boolean {
    const { at } = this;
    this.at = start;
    // There is room: the bound depends on the names alone
    this.header(member);
    const fits = this.at === end;
    this.at = at;
    return fits;
  }

  pad(size: number): void {
    const zeros = padding(size);
    this.reserve(zeros).fill(0, this.at, this.at + zeros);
    this.at += zeros;
  }

  written(): Buffer {
    return scratch.subarray(0, this.at);
  }
}

function packWhole(job: PackJob, raw: RawBytes): Float64Array<ArrayBuffer> {
  const count = job.numbers.length / PackColumn.width;
  const members = new Members(job, count);
  const results = new Float64Array(count * PackedColumn.width);
  for (let index = 0; index < count; index++) {
    const member = members.get(index);
    const row = index * PackedColumn.width;
    let packed: Packed | undefined = {
      offset: 0,
      size: member.size,
      mtimeUs: member.mtimeUs,
      mode: member.mode,
      replaced: false,
    };
    // Nothing to read, nothing that could change between header and data
    if (member.type !== EntryType.file || member.size === 0) raw.header(member);
    else packed = packFile(members, index, raw);
    results[row + PackedColumn.offset] = packed?.offset ?? VANISHED;
    results[row + PackedColumn.size] = packed?.size ?? 0;
    results[row + PackedColumn.mtimeUs] = packed?.mtimeUs ?? 0;
    results[row + PackedColumn.mode] = packed?.mode ?? 0;
    results[row + PackedColumn.replaced] = packed?.replaced ? 1 : 0;
    // Files have grown since they were scanned, and a reader would refuse the frame
    if (raw.at > MAX_FRAME_RAW_BYTES) throw changedUnderway(members.path(index));
  }
  return results;
}

/** The members of a job, one at a time. */
class Members {
  readonly #names: string[];
  readonly #paths: string[];
  readonly #linkNames: string[];
  readonly #numbers: Float64Array;

  constructor(job: PackJob, count: number) {
    this.#names = splitStrings(job.names, count);
    this.#paths = splitStrings(job.paths, count);
    this.#linkNames = splitStrings(job.linkNames, count);
    this.#numbers = job.numbers;
  }

  path(index: number): string {
    return this.#paths[index]!;
  }

  /** Whether a file that others may be linked to is none that the scan saw. */
  isReplaced(index: number, { dev, ino }: Pick<BigIntStats, 'dev' | 'ino'>): boolean {
    const seen = this.#number(index, PackColumn.ino);
    return seen !== 0 && (seen !== Number(ino) || this.#number(index, PackColumn.dev) !== Number(dev));
  }

  /** A file as the scan saw it. */
  seen(index: number): PlainStatus {
    return {
      size: this.#number(index, PackColumn.size),
      mtimeMs: this.#number(index, PackColumn.mtimeMs),
      ctimeMs: this.#number(index, PackColumn.ctimeMs),
    };
  }

  get(index: number): TarMember {
    const number = (column: number) => this.#number(index, column);
    return {
      name: this.#names[index]!,
      linkName: this.#linkNames[index]!,
      type: number(PackColumn.type) as EntryType,
      mode: number(PackColumn.mode),
      mtimeUs: number(PackColumn.mtimeUs),
      size: number(PackColumn.size),
      uid: number(PackColumn.uid),
      gid: number(PackColumn.gid),
    };
  }

  #number(index: number, column: number): number {
    return this.#numbers[index * PackColumn.width + column]!;
  }
}

interface Packed {
  /** Offset of the data in the raw bytes. */
  readonly offset: number;
  readonly size: number;
  readonly mtimeUs: number;
  readonly mode: number;
  readonly replaced: boolean;
}

/** Appends a whole file. undefined: it has vanished. */
function packFile(members: Members, index: number, raw: RawBytes): Packed | undefined {
  const fd = openFile(members.path(index));
  if (fd === undefined) return undefined;
  try {
    const packed = packAsSeen(members, index, raw, fd);
    if (packed) return packed;
  } finally {
    closeSync(fd);
  }
  return packAsFound(members, index, raw);
}

/**
 * Appends a file that nobody has touched since the scan. That shows after its reading, so most files are looked at once
 * here. undefined: it is another by now or cannot be read, and nothing is appended.
 */
function packAsSeen(members: Members, index: number, raw: RawBytes, fd: number): Packed | undefined {
  const member = members.get(index);
  const { size, mode } = member;
  const seen = members.seen(index);
  const start = raw.at;
  const about = Math.max(0, Math.floor(seen.mtimeMs * 1000));
  raw.header({ ...member, mtimeUs: about });
  const offset = raw.at;
  const after = statusAfterReading(raw, fd, size, members.path(index));
  if (after && isUntouched(after, seen)) {
    raw.pad(size);
    const mtimeUs = toMicroseconds(after.mtimeNs);
    // The scan's time, a plain number, may be a microsecond off
    if (mtimeUs === about || raw.replaceHeader(start, offset, { ...member, mtimeUs }))
      return { offset, size, mtimeUs, mode, replaced: members.isReplaced(index, after) };
  }
  raw.at = start;
  return undefined;
}

/** Appends `size` bytes of a file. undefined: it is shorter, no file at all, or cannot be read. */
function statusAfterReading(raw: RawBytes, fd: number, size: number, path: string): BigIntStats | undefined {
  try {
    return readInto(raw, fd, 0, size, path) ? statusOf(fd, path) : undefined;
  } catch {
    // Whoever looks at it again says why
    return undefined;
  }
}

/** Appends a file as it is now. undefined: it has vanished. */
function packAsFound(members: Members, index: number, raw: RawBytes): Packed | undefined {
  const member = members.get(index);
  const path = members.path(index);
  const start = raw.at;
  for (const attempt of [1, 2]) {
    const fd = openFile(path);
    if (fd === undefined) return undefined;
    try {
      const before = statusOf(fd, path);
      if (!before.isFile()) return undefined;
      const size = Number(before.size);
      // It was small when it was scanned: something is writing to it
      if (size > MAX_FRAME_RAW_BYTES / 4) throw changedUnderway(path);
      const mtimeUs = toMicroseconds(before.mtimeNs);
      const mode = thisPlatform.hasModes ? Number(before.mode) & 0o7777 : member.mode;
      raw.header({ ...member, size, mtimeUs, mode });
      const offset = raw.at;
      const complete = readInto(raw, fd, 0, size, path);
      raw.pad(size);
      if (
        complete &&
        isUntouched(
          before,
          readable(path, () => fstatSync(fd)),
        )
      )
        return { offset, size, mtimeUs, mode, replaced: members.isReplaced(index, before) };
    } finally {
      closeSync(fd);
    }
    if (attempt === 1) raw.at = start;
  }
  throw new SourceTreeError(`${printable(path)} changed while it was read, twice`);
}

/** A slice of a large file: the first one with the header, the last one with the padding. */
function packSlice(job: PackJob, slice: SliceOfFile, raw: RawBytes): Float64Array<ArrayBuffer> {
  const members = new Members(job, 1);
  const member = members.get(0);
  const path = members.path(0);
  const fd = openFile(path);
  if (fd === undefined) throw changedUnderway(path);
  try {
    if (!sameFile(slice.identity, statusOf(fd, path))) throw changedUnderway(path);
    if (slice.start === 0) raw.header(member);
    const offset = raw.at;
    const complete = readInto(raw, fd, slice.start, slice.end - slice.start, path);
    if (slice.end === member.size) raw.pad(member.size);
    if (!complete || !sameFile(slice.identity, statusOf(fd, path))) throw changedUnderway(path);
    const replaced = members.isReplaced(0, slice.identity) ? 1 : 0;
    return Float64Array.of(offset, member.size, member.mtimeUs, member.mode, replaced);
  } finally {
    closeSync(fd);
  }
}

function changedUnderway(path: string): SourceTreeError {
  return new SourceTreeError(`${printable(path)} changed while it was read`);
}

/** undefined: there is no such file any more, or a link or directory has taken its place. */
function openFile(path: string): number | undefined {
  try {
    return openSync(fsPath(path), constants.O_RDONLY | thisPlatform.openFlags);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP' || code === 'ENXIO') return undefined;
    throw unreadable(path, error);
  }
}

function statusOf(fd: number, path: string): BigIntStats {
  return readable(path, () => fstatSync(fd, { bigint: true }));
}

/** Appends `size` bytes of the file from `position`. false: it ended before. */
function readInto(raw: RawBytes, fd: number, position: number, size: number, path: string): boolean {
  const target = raw.reserve(size);
  let done = 0;
  readable(path, () => {
    while (done < size) {
      const count = readSync(fd, target, raw.at + done, size - done, position + done);
      if (count === 0) break;
      done += count;
    }
  });
  if (done < size) target.fill(0, raw.at + done, raw.at + size);
  raw.at += size;
  return done === size;
}

type PlainStatus = Pick<Stats, 'size' | 'mtimeMs' | 'ctimeMs'>;

/**
 * Whether a file is the same at two looks, before and after it was read. Plain numbers hold times to a quarter of a
 * microsecond, which no two changes are apart, and leave the collector half as much to do.
 */
function isUntouched(exact: BigIntStats, plain: PlainStatus): boolean {
  const sameTime = (ns: bigint, ms: number) => Math.abs(Number(ns) / 1e6 - ms) < 0.001;
  return (
    plain.size === Number(exact.size) &&
    sameTime(exact.mtimeNs, plain.mtimeMs) &&
    sameTime(exact.ctimeNs, plain.ctimeMs)
  );
}

function sameFile(a: FileIdentity, b: BigIntStats): boolean {
  return (
    a.size === b.size &&
    a.mtimeNs === b.mtimeNs &&
    a.ctimeNs === b.ctimeNs &&
    a.ino === b.ino &&
    a.dev === b.dev
  );
}
