import { compressFrame, sha256 } from '../format/codec.ts';
import { MAX_FRAME_RAW_BYTES } from '../format/container.ts';
import { EntryType } from '../format/entry.ts';
import { shrink } from '../memory/buffers.ts';
import {
  type Packed,
  type PackJob,
  PackMembers,
  type PackResult,
  packedRows,
  writePacked,
} from '../messages/pack-job.ts';
import { changedWhileRead, packFile, packSlice } from './pack-file.ts';
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
  const bytes = shrink(compressFrame(raw.written(), job.level));
  return { bytes, rawSize: raw.at, sha256: Uint8Array.from(sha256(bytes)), packed };
}

function packWhole(members: PackMembers, raw: RawBytes, packed: Float64Array): void {
  for (let index = 0; index < members.count; index++) {
    writePacked(packed, index, packMember(members, index, raw));
    // Files have grown since they were scanned, and a reader would refuse the frame
    if (raw.at > MAX_FRAME_RAW_BYTES) throw changedWhileRead(members.path(index));
  }
}

function packMember(members: PackMembers, index: number, raw: RawBytes): Packed | undefined {
  const member = members.get(index);
  if (member.type === EntryType.file && member.size > 0) return packFile(members, index, raw);
  // No data is read, so nothing can change between header and data
  raw.header(member);
  return { offset: 0, size: member.size, mtimeUs: member.mtimeUs, mode: member.mode, replaced: false };
}
