import type { Frame } from '../format/entry.ts';

/** Frames close to each other, which one request fetches. */
export interface FrameRun {
  /** Offsets in the object of the first byte and of the byte after the last. */
  readonly start: number;
  readonly end: number;
  /** Indexes of the wanted frames in ascending order, and their offsets in the object. */
  readonly frames: readonly number[];
  readonly starts: readonly number[];
}

/** Maximum number of bytes of a request for several frames: two frames that do not compress have a little over 4 MiB each. */
const RANGE_BYTES = 129 * 64 * 1024;
/** Maximum number of unwanted bytes between two wanted frames that one request fetches. */
const GAP_BYTES = 256 * 1024;

/**
 * Groups the wanted frames into runs of about 8 MiB, with frames of at most `maxRawBytes` of tar unless a single frame has more.
 * `isWanted` receives the index of a frame.
 */
export function groupFrames(
  frames: readonly Frame[],
  isWanted: (frame: number) => boolean,
  maxRawBytes = Number.POSITIVE_INFINITY,
): FrameRun[] {
  const runs: FrameRun[] = [];
  let open: { start: number; end: number; frames: number[]; starts: number[] } | undefined;
  let rawBytes = 0;
  let end = 0;
  frames.forEach(({ size, rawSize }, index) => {
    const start = end;
    end += size;
    if (!isWanted(index)) return;
    rawBytes += rawSize;
    const fitsRange = open && start - open.end <= GAP_BYTES && end - open.start <= RANGE_BYTES;
    if (!open || !fitsRange || rawBytes > maxRawBytes) {
      open = { start, end, frames: [], starts: [] };
      runs.push(open);
      rawBytes = rawSize;
    }
    open.end = end;
    open.frames.push(index);
    open.starts.push(start);
  });
  return runs;
}
