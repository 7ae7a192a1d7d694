import { type BigIntStats, closeSync, fstatSync } from 'node:fs';
import { SourceTreeError } from '../archive-errors.ts';
import { MAX_FRAME_RAW_BYTES } from '../format/container.ts';
import { thisPlatform, toMicroseconds } from '../fs/platform.ts';
import { wrapReadError } from '../fs/tree-errors.ts';
import type { PackMembers, PlainStatus } from './pack-members.ts';
import type { RawBytes } from './raw-bytes.ts';
import { changedUnderway, openFile, readInto, statusOf } from './source-file.ts';

/** A member as it was read. */
export interface Packed {
  /** Offset of the data in the raw bytes. */
  readonly offset: number;
  readonly size: number;
  readonly mtimeUs: number;
  readonly mode: number;
  /** Other names may have been linked to what the scan saw here, and this is another file. */
  readonly replaced: boolean;
}

/**
 * Appends a whole file, header and data of one moment. undefined: it has vanished.
 * Throws `SourceTreeError` for one that cannot be read, or that changes again and again.
 */
export function packFile(members: PackMembers, index: number, raw: RawBytes): Packed | undefined {
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
function packAsSeen(members: PackMembers, index: number, raw: RawBytes, fd: number): Packed | undefined {
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
function packAsFound(members: PackMembers, index: number, raw: RawBytes): Packed | undefined {
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
      const after = wrapReadError(path, () => fstatSync(fd));
      if (complete && isUntouched(before, after))
        return { offset, size, mtimeUs, mode, replaced: members.isReplaced(index, before) };
    } finally {
      closeSync(fd);
    }
    if (attempt === 1) raw.at = start;
  }
  throw new SourceTreeError(`${path} changed while it was read, twice`);
}

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
