import { exactStatus } from './file-status.ts';
import { FRAME_RAW_BYTES, SLICE_BYTES, WHOLE_FILE_BYTES } from './format.ts';
import type { FileIdentity, SliceOfFile } from './jobs.ts';
import { toMicroseconds } from './platform.ts';
import type { Scanned } from './scan.ts';
import { readable } from './tree-errors.ts';

/** What goes into one frame: some whole members, or a slice of one large file. */
export interface FramePlan {
  readonly members: readonly Scanned[];
  readonly slice: SliceOfFile | undefined;
}

/** Counted for a header: 512 bytes at least, 1536 for most members, because of the fraction in their mtime. */
const HEADER_BYTES = 1536;

/**
 * Groups members into frames of about 4 MiB of tar, in their order. A frame holds whole members; a file over 8 MiB
 * starts a row of slices of its own, so that its data is read, and later written, by several workers.
 */
export function* planFrames(members: Iterable<Scanned>): Generator<FramePlan> {
  let open: Scanned[] = [];
  let openBytes = 0;
  for (const member of members) {
    const size = member.dataBytes;
    if (openBytes > 0 && openBytes + size > FRAME_RAW_BYTES) {
      yield { members: open, slice: undefined };
      open = [];
      openBytes = 0;
    }
    if (size > WHOLE_FILE_BYTES) {
      yield* slices(member);
      continue;
    }
    open.push(member);
    openBytes += HEADER_BYTES + size;
  }
  if (open.length > 0) yield { members: open, slice: undefined };
}

/** The file's size and identity are taken now: all slices must be of the same state of the file. */
function* slices(scanned: Scanned): Generator<FramePlan> {
  const stats = readable(scanned.path, () => exactStatus(scanned.path));
  const size = Number(stats?.size);
  if (!stats?.isFile() || size <= WHOLE_FILE_BYTES) {
    // Vanished or small by now: what reads it whole finds out, and says so
    yield { members: [scanned], slice: undefined };
    return;
  }
  const identity: FileIdentity = stats;
  const member: Scanned = { ...scanned, mtimeUs: toMicroseconds(stats.mtimeNs), dataBytes: size };
  for (let start = 0; start < size; start += SLICE_BYTES) {
    yield { members: [member], slice: { start, end: Math.min(start + SLICE_BYTES, size), identity } };
  }
}
