import { type BigIntStats, constants, fstatSync, openSync } from 'node:fs';
import { SourceTreeError } from '../archive-errors.ts';
import { compressFrame, sha256 } from '../format/codec.ts';
import { WHOLE_FILE_BYTES } from '../format/container.ts';
import { EntryType } from '../format/entry.ts';
import { MAX_FRAME_RAW_BYTES } from '../format/limits.ts';
import { mtimeOf } from '../fs/file-status.ts';
import { isSameMtime, roundedMtime, splitMtime } from '../fs/file-times.ts';
import { fsPath } from '../fs/paths/names.ts';
import { thisPlatform } from '../fs/platform.ts';
import { isShort } from '../fs/short-files.ts';
import { readError, showPath, wrapReadError } from '../fs/tree-errors.ts';
import { closeRead, readAt } from '../fs/with-file.ts';
import {
  isSameFile,
  type Packed,
  type PackJob,
  PackMembers,
  type PackResult,
  packedRows,
  type SliceOfFile,
  type Unpacked,
  writePacked,
} from '../messages/pack-job.ts';
import { RawBytes } from './raw-bytes.ts';

/**
 * Reads the members of one frame, writes them as tar, compresses and hashes the whole.
 * Throws `SourceTreeError` for a file that cannot be read, or keeps changing.
 */
export function packFrame(job: PackJob): PackResult {
  const raw = new RawBytes();
  const members = new PackMembers(job);
  const packed = packedRows(members.count);
  if (job.slice) writePacked(packed, 0, packSlice(members, job.slice, raw));
  else packWhole(members, raw, packed);
  const bytes = compressFrame(raw.written(), job.level);
  return { bytes, rawSize: raw.at, sha256: Uint8Array.from(sha256(bytes)), packed };
}

function packWhole(members: PackMembers, raw: RawBytes, packed: Float64Array): void {
  for (let index = 0; index < members.count; index++) {
    writePacked(packed, index, packMember(members, index, raw));
    // Files have grown since they were scanned, and a reader would refuse the frame
    if (raw.at > MAX_FRAME_RAW_BYTES) throw changedWhileRead(members.path(index));
  }
}

function packMember(members: PackMembers, index: number, raw: RawBytes): Packed | Unpacked {
  const member = members.get(index);
  if (member.type === EntryType.file && member.size > 0) return packFile(members, index, raw);
  // No data is read, so nothing can change between header and data
  raw.header(member);
  const { size, mtimeUs, mtimeRestNs, mode } = member;
  return { offset: 0, size, mtimeUs, mtimeRestNs, mode, replaced: false };
}

/**
 * Appends a whole file, header and data of one moment. Appends nothing if it has vanished or has less data than its size.
 * Throws `SourceTreeError` for one that cannot be read, or that changes again and again.
 */
function packFile(members: PackMembers, index: number, raw: RawBytes): Packed | Unpacked {
  const fd = openFile(members.path(index));
  if (fd === undefined) return 'vanished';
  try {
    const packed = packAsScanned(members, index, raw, fd);
    if (packed) return packed;
  } finally {
    closeRead(fd);
  }
  return packAsFound(members, index, raw);
}

/**
 * Appends a file that is unchanged since the scan. One fstat, after its reading, proves that for most files.
 * Returns undefined, and appends nothing, if it has changed or cannot be read.
 */
function packAsScanned(members: PackMembers, index: number, raw: RawBytes, fd: number): Packed | undefined {
  const member = members.get(index);
  const { size, mode } = member;
  // A large file comes here if it has changed since the scan, or may end before its size
  if (size > WHOLE_FILE_BYTES) return undefined;
  const start = raw.at;
  const about = roundedMtime(members.scannedMtimeMs(index));
  const header = { ...member, ...about };
  raw.header(header);
  const offset = raw.at;
  const after = statusAfterReading(raw, fd, size, members.path(index));
  if (after && members.isUntouched(index, after)) {
    raw.pad(size);
    const mtime = splitMtime(after.mtimeNs);
    // The scan's time is a plain number, without the nanoseconds
    if (isSameMtime(mtime, about) || raw.replaceMtime(start, offset, header, mtime))
      return { offset, size, ...mtime, mode, replaced: members.isReplaced(index, after) };
  }
  raw.at = start;
  return undefined;
}

/** Appends `size` bytes of a file. Returns undefined if it is shorter, no file, or cannot be read. */
function statusAfterReading(raw: RawBytes, fd: number, size: number, path: string): BigIntStats | undefined {
  try {
    return readInto(raw, fd, 0, size, path) ? statusOf(fd, path) : undefined;
  } catch {
    // The second attempt reports the reason
    return undefined;
  }
}

/** Appends a file as it is now. Throws as `packFile`. */
function packAsFound(members: PackMembers, index: number, raw: RawBytes): Packed | Unpacked {
  const member = members.get(index);
  const path = members.path(index);
  const start = raw.at;
  for (const attempt of [1, 2]) {
    const fd = openFile(path);
    if (fd === undefined) return 'vanished';
    try {
      const before = statusOf(fd, path);
      if (!before.isFile()) return 'vanished';
      const size = Number(before.size);
      if (size > MAX_FRAME_RAW_BYTES / 4) {
        const short = wrapReadError(path, () => isShort(fd, size));
        if (short && isSameFile(before, statusOf(fd, path))) return 'short';
        // It was small when it was scanned: something is writing to it
        throw changedWhileRead(path);
      }
      const mtime = mtimeOf(before, () => fstatSync(fd));
      const mode = thisPlatform.hasModes ? Number(before.mode) & 0o7777 : member.mode;
      raw.header({ ...member, ...mtime, size, mode });
      const offset = raw.at;
      const complete = readInto(raw, fd, 0, size, path);
      raw.pad(size);
      if (isSameFile(before, statusOf(fd, path))) {
        if (complete) return { offset, size, ...mtime, mode, replaced: members.isReplaced(index, before) };
        if (attempt === 2) {
          raw.at = start;
          return 'short';
        }
      }
    } finally {
      closeRead(fd);
    }
    raw.at = start;
  }
  throw new SourceTreeError(`${showPath(path)} changed while it was read, in two attempts`);
}

/**
 * Appends a slice of a large file: the first one with the header, the last one with the padding. In place of a slice that
 * cannot be had any more it appends zeros, as many as tar expects behind the header, or nothing if the header is in it.
 * Throws `SourceTreeError` if it cannot be read or is not the file that was scanned any more.
 */
function packSlice(members: PackMembers, slice: SliceOfFile, raw: RawBytes): Packed | Unpacked {
  const packed = readSlice(members, slice, raw);
  if (typeof packed !== 'string') return packed;
  raw.at = 0;
  if (slice.start === 0) return packed;
  raw.zeros(slice.end - slice.start);
  const { size } = members.get(0);
  if (slice.end === size) raw.pad(size);
  return packed;
}

function readSlice(members: PackMembers, slice: SliceOfFile, raw: RawBytes): Packed | Unpacked {
  const member = members.get(0);
  const { mtimeUs, mtimeRestNs, mode, size } = member;
  const path = members.path(0);
  const fd = openFile(path);
  if (fd === undefined) return 'vanished';
  try {
    const before = statusOf(fd, path);
    if (!isSameFile(slice.identity, before)) return unlessChanged(before, path);
    if (slice.start === 0) raw.header(member);
    const offset = raw.at;
    const complete = readInto(raw, fd, slice.start, slice.end - slice.start, path);
    if (slice.end === size) raw.pad(size);
    const after = statusOf(fd, path);
    if (!isSameFile(slice.identity, after)) return unlessChanged(after, path);
    if (!complete) return 'short';
    const replaced = members.isReplaced(0, slice.identity);
    return { offset, size, mtimeUs, mtimeRestNs, mode, replaced };
  } finally {
    closeRead(fd);
  }
}

/** Returns why a file with another status than before is not saved. Throws `SourceTreeError` if another content is the reason. */
function unlessChanged(stats: BigIntStats, path: string): Unpacked {
  // Its last name was removed after it was opened
  if (!stats.isFile() || stats.nlink === 0n) return 'vanished';
  throw changedWhileRead(path);
}

function changedWhileRead(path: string): SourceTreeError {
  return new SourceTreeError(`${showPath(path)} changed while it was read`);
}

/**
 * Opens a file for reading. Returns undefined if it has vanished, or a link or directory has taken its place.
 * Throws `SourceTreeError` if it cannot be opened.
 */
function openFile(path: string): number | undefined {
  try {
    return openSync(fsPath(path), constants.O_RDONLY | thisPlatform.openFlags);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP' || code === 'ENXIO') return undefined;
    throw readError(path, error);
  }
}

function statusOf(fd: number, path: string): BigIntStats {
  return wrapReadError(path, () => fstatSync(fd, { bigint: true }));
}

/**
 * Appends `size` bytes of a file from `position`. Returns whether all were there; else those that are missing have no
 * defined value. Throws `SourceTreeError` if it cannot be read.
 */
function readInto(raw: RawBytes, fd: number, position: number, size: number, path: string): boolean {
  const target = raw.reserve(size).subarray(raw.at, raw.at + size);
  const done = wrapReadError(path, () => readAt(fd, target, position));
  raw.at += size;
  return done === size;
}
