import { Buffer } from 'node:buffer';
import { type BigIntStats, constants, fstatSync, openSync } from 'node:fs';
import { SourceTreeError } from '../archive-errors.ts';
import { compressFrame, sha256 } from '../format/codec.ts';
import { WHOLE_FILE_BYTES } from '../format/container.ts';
import { EntryType } from '../format/entry.ts';
import { MAX_FRAME_RAW_BYTES } from '../format/limits.ts';
import { padding } from '../format/tar-blocks.ts';
import { headerBound, replaceFraction, type TarMember, writeHeader } from '../format/tar-header.ts';
import { mtimeOf } from '../fs/file-status.ts';
import { isSameMtime, type Mtime, roundedMtime, splitMtime } from '../fs/file-times.ts';
import { ignoreErrors } from '../fs/ignore-errors.ts';
import { fsPath } from '../fs/paths/names.ts';
import { thisPlatform } from '../fs/platform.ts';
import { readError, showPath } from '../fs/tree-errors.ts';
import { closeRead, isShort, readAt } from '../fs/with-file.ts';
import {
  isReplaced,
  isSameFile,
  isUntouched,
  type Omission,
  type Packed,
  type PackJob,
  type PackMember,
  type PackResult,
  packedRows,
  readMembers,
  type SliceOfFile,
  writePacked,
} from '../messages/pack-job.ts';

/** Memory that this thread packs into, kept from frame to frame: its allocation takes longer than the work in it. */
let scratch = Buffer.allocUnsafeSlow(0);

/** Tar bytes of one frame, in `scratch`: a thread uses one instance at a time. */
class RawBytes {
  /** Offset of the next byte. A smaller value drops the bytes after it. */
  at = 0;

  /** Appends a member's header. */
  addHeader(member: TarMember): void {
    this.#reserve(headerBound(member.name, member.linkName));
    this.at = writeHeader(scratch, this.at, member);
  }

  /** Changes the mtime in the header of a member. Returns false if a header with the other time has another length. */
  replaceMtime(start: number, end: number, member: TarMember, mtime: Mtime): boolean {
    if (replaceFraction(scratch, start, member, mtime)) return true;
    const { at } = this;
    this.at = start;
    // There is room, so the bytes after it stay in place: the bound depends only on the names
    this.addHeader({ ...member, ...mtime });
    const fits = this.at === end;
    this.at = at;
    return fits;
  }

  /**
   * Appends `size` bytes of a file from `position`. Returns false if the file ends before: the missing bytes have no defined
   * value. Throws the system's errors.
   */
  read(fd: number, position: number, size: number): boolean {
    this.#reserve(size);
    const done = readAt(fd, scratch.subarray(this.at, this.at + size), position);
    this.at += size;
    return done === size;
  }

  /** Appends the zeros behind `size` bytes of data. */
  pad(size: number): void {
    this.addZeros(padding(size));
  }

  addZeros(count: number): void {
    this.#reserve(count);
    scratch.fill(0, this.at, this.at + count);
    this.at += count;
  }

  /** Returns all bytes. They are valid until the next frame. */
  bytes(): Buffer {
    return scratch.subarray(0, this.at);
  }

  #reserve(more: number): void {
    if (this.at + more <= scratch.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.at + more, 2 * scratch.length));
    scratch.copy(larger, 0, 0, this.at);
    scratch = larger;
  }
}

/**
 * Reads the members of one frame, writes them as tar, compresses and hashes the whole.
 * Throws `SourceTreeError` for a file that cannot be read, or keeps changing.
 */
export function packFrame(job: PackJob): PackResult {
  const { slice, level } = job;
  const raw = new RawBytes();
  const members = readMembers(job);
  const rows = packedRows(members.length);
  for (const [index, member] of members.entries()) {
    const start = raw.at;
    const packed = slice ? packSlice(member, slice, raw) : packMember(member, raw);
    if (typeof packed === 'string') {
      raw.at = start;
      if (slice) fillIn(member, slice, raw);
    }
    writePacked(rows, index, packed);
    // Files have become larger since they were scanned, and a reader would refuse the frame
    if (raw.at > MAX_FRAME_RAW_BYTES) throw changedWhileReadError(member);
  }
  const bytes = compressFrame(raw.bytes(), level);
  return { bytes, rawSize: raw.at, sha256: Uint8Array.from(sha256(bytes)), packed: rows };
}

/** Appends a member, with header and data of the same moment. If it is not packed, the caller drops the bytes that are appended. */
function packMember(member: PackMember, raw: RawBytes): Packed | Omission {
  const { type, size, path, mtimeUs, mtimeRestNs, mode } = member;
  if (type !== EntryType.file || size === 0) {
    // No data is read, so nothing can change between header and data
    raw.addHeader(member);
    return { offset: 0, size, mtimeUs, mtimeRestNs, mode, wasReplaced: false };
  }
  const start = raw.at;
  const asScanned = withSource(path, fd => packAsScanned(member, raw, fd));
  if (asScanned) return asScanned;
  for (const isLast of [false, true]) {
    raw.at = start;
    const packed = withSource(path, fd => packAsFound(member, raw, fd, isLast));
    if (packed) return packed;
  }
  throw new SourceTreeError(`${showPath(path)} changed while it was read, in two attempts`);
}

/**
 * Appends a file that is unchanged since the scan, which one fstat after the read proves for most files.
 * Returns undefined if it has changed or cannot be read: the next attempt reports the reason.
 */
function packAsScanned(member: PackMember, raw: RawBytes, fd: number): Packed | undefined {
  const { size, mode, mtimeMs } = member;
  // A large file is packed whole only if it has changed since the scan, or may end before its size
  if (size > WHOLE_FILE_BYTES) return undefined;
  const start = raw.at;
  const about = roundedMtime(mtimeMs);
  const header = { ...member, ...about };
  raw.addHeader(header);
  const offset = raw.at;
  const after = ignoreErrors(() => (raw.read(fd, 0, size) ? statusOf(fd) : undefined));
  if (!after || !isUntouched(member, after)) return undefined;
  raw.pad(size);
  const mtime = splitMtime(after.mtimeNs);
  // The scan's time is a plain number, without the nanoseconds
  if (!isSameMtime(mtime, about) && !raw.replaceMtime(start, offset, header, mtime)) return undefined;
  return { offset, size, ...mtime, mode, wasReplaced: isReplaced(member, after) };
}

/** Appends a file as it is now. Returns undefined if it changes meanwhile or, unless `isLast`, ends before its size. */
function packAsFound(
  member: PackMember,
  raw: RawBytes,
  fd: number,
  isLast: boolean,
): Packed | Omission | undefined {
  const before = statusOf(fd);
  if (!before.isFile()) return 'vanished';
  const size = Number(before.size);
  if (size > MAX_FRAME_RAW_BYTES / 4) {
    if (isShort(fd, size) && isSameFile(before, statusOf(fd))) return 'short';
    // It was small when it was scanned: something is writing to it
    throw changedWhileReadError(member);
  }
  const mtime = mtimeOf(before, () => fstatSync(fd));
  const mode = thisPlatform.hasModes ? Number(before.mode) & 0o7777 : member.mode;
  raw.addHeader({ ...member, ...mtime, size, mode });
  const offset = raw.at;
  const isComplete = raw.read(fd, 0, size);
  raw.pad(size);
  if (!isSameFile(before, statusOf(fd))) return undefined;
  if (isComplete) return { offset, size, ...mtime, mode, wasReplaced: isReplaced(member, before) };
  return isLast ? 'short' : undefined;
}

/** Appends a slice of a large file: the first one with the header, the last one with the padding. */
function packSlice(member: PackMember, slice: SliceOfFile, raw: RawBytes): Packed | Omission {
  const { start, end, identity } = slice;
  const { path, size, mtimeUs, mtimeRestNs, mode } = member;
  return withSource(path, fd => {
    const before = statusOf(fd);
    if (!isSameFile(identity, before)) return requireVanished(before, member);
    if (start === 0) raw.addHeader(member);
    const offset = raw.at;
    const isComplete = raw.read(fd, start, end - start);
    if (end === size) raw.pad(size);
    const after = statusOf(fd);
    if (!isSameFile(identity, after)) return requireVanished(after, member);
    if (!isComplete) return 'short';
    return { offset, size, mtimeUs, mtimeRestNs, mode, wasReplaced: isReplaced(member, identity) };
  });
}

/** Appends zeros in place of a slice, as many as tar expects behind the header. Appends none for the first one, with the header. */
function fillIn({ size }: PackMember, { start, end }: SliceOfFile, raw: RawBytes): void {
  if (start === 0) return;
  raw.addZeros(end - start);
  if (end === size) raw.pad(size);
}

/** Returns `vanished` for a file with another status than in the scan. Throws `SourceTreeError` if it exists and has changed. */
function requireVanished(stats: BigIntStats, member: PackMember): 'vanished' {
  // Its last name was removed after it was opened
  if (!stats.isFile() || stats.nlink === 0n) return 'vanished';
  throw changedWhileReadError(member);
}

function changedWhileReadError({ path }: PackMember): SourceTreeError {
  return new SourceTreeError(`${showPath(path)} changed while it was read`);
}

/** Codes of a file that has vanished, or that a link or directory has replaced. */
const VANISHED_CODES = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO']);

/** Opens a file and returns the result of `use`, or `vanished` if there is no file. Throws `SourceTreeError` for system errors. */
function withSource<T>(path: string, use: (fd: number) => T): T | 'vanished' {
  let fd: number | undefined;
  try {
    fd = openSync(fsPath(path), constants.O_RDONLY | thisPlatform.openFlags);
    return use(fd);
  } catch (error) {
    if (error instanceof SourceTreeError) throw error;
    if (fd === undefined && VANISHED_CODES.has((error as NodeJS.ErrnoException).code!)) return 'vanished';
    throw readError(path, error);
  } finally {
    if (fd !== undefined) closeRead(fd);
  }
}

function statusOf(fd: number): BigIntStats {
  return fstatSync(fd, { bigint: true });
}
