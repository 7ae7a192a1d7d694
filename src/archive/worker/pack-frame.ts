import { type BigIntStats, closeSync } from 'node:fs';
import { compressFrame, sha256 } from '../format/codec.ts';
import { MAX_FRAME_RAW_BYTES } from '../format/container.ts';
import { EntryType } from '../format/entry.ts';
import type { TarMember } from '../format/tar-header.ts';
import { shrink } from '../threads/buffers.ts';
import {
  type FileIdentity,
  PackedColumn,
  type PackJob,
  type PackResult,
  type SliceOfFile,
  VANISHED,
} from '../threads/jobs.ts';
import { type Packed, packFile } from './pack-file.ts';
import { PackMembers } from './pack-members.ts';
import { RawBytes } from './raw-bytes.ts';
import { changedUnderway, openFile, readInto, statusOf } from './source-file.ts';

/**
 * Runs in a worker: reads the members of one frame, writes them as tar, compresses and hashes the whole.
 * Throws `SourceTreeError` for what cannot be read, or not in one state.
 */
export function packFrame(job: PackJob): PackResult {
  const raw = new RawBytes();
  const members = new PackMembers(job);
  const numbers = job.slice ? packSlice(members, job.slice, raw) : packWhole(members, raw);
  const bytes = shrink(compressFrame(raw.written(), job.level));
  return { bytes, rawSize: raw.at, sha256: Uint8Array.from(sha256(bytes)), numbers };
}

function packWhole(members: PackMembers, raw: RawBytes): Float64Array<ArrayBuffer> {
  const results = new Float64Array(members.count * PackedColumn.width);
  for (let index = 0; index < members.count; index++) {
    const member = members.get(index);
    const hasData = member.type === EntryType.file && member.size > 0;
    const packed = hasData ? packFile(members, index, raw) : packHeader(member, raw);
    const row = index * PackedColumn.width;
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

/** Nothing is read, so nothing can change between header and data. */
function packHeader(member: TarMember, raw: RawBytes): Packed {
  raw.header(member);
  return { offset: 0, size: member.size, mtimeUs: member.mtimeUs, mode: member.mode, replaced: false };
}

/** A slice of a large file: the first one with the header, the last one with the padding. */
function packSlice(members: PackMembers, slice: SliceOfFile, raw: RawBytes): Float64Array<ArrayBuffer> {
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

function sameFile(a: FileIdentity, b: BigIntStats): boolean {
  return (
    a.size === b.size &&
    a.mtimeNs === b.mtimeNs &&
    a.ctimeNs === b.ctimeNs &&
    a.ino === b.ino &&
    a.dev === b.dev
  );
}
