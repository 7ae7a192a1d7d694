import type { Frame } from '../format/entry.ts';

/** Neighbouring frames that one request fetches. */
export interface FrameRun {
  /** Offsets in the object of the first byte and of the byte after the last. */
  readonly start: number;
  readonly end: number;
  /** Indexes of the wanted frames, ascending, and their offsets in the object. */
  readonly frames: readonly number[];
  readonly starts: readonly number[];
}

/** Bytes of one request, about: two frames of data that does not compress, which are a little over 4 MiB each. */
const RANGE_BYTES = 129 * 64 * 1024;
/** A gap of at most this many unwanted bytes between two wanted frames is fetched with them. */
const GAP_BYTES = 256 * 1024;

/**
 * Groups the wanted frames into runs of about 8 MiB, with frames of at most `maxRawBytes` of tar unless a single frame has more.
 * `isWanted` receives a frame's index and its offset.
 */
export function groupFrames(
  frames: readonly Frame[],
  isWanted: (frame: number, start: number) => boolean,
  maxRawBytes = Number.POSITIVE_INFINITY,
): FrameRun[] {
  const runs: FrameRun[] = [];
  let open: { start: number; end: number; frames: number[]; starts: number[] } | undefined;
  let rawBytes = 0;
  let start = 0;
  frames.forEach((frame, index) => {
    const end = start + frame.size;
    if (isWanted(index, start)) {
      rawBytes += frame.rawSize;
      if (
        open &&
        start - open.end <= GAP_BYTES &&
        end - open.start <= RANGE_BYTES &&
        rawBytes <= maxRawBytes
      ) {
        open.end = end;
        open.frames.push(index);
        open.starts.push(start);
      } else {
        open = { start, end, frames: [index], starts: [start] };
        runs.push(open);
        rawBytes = frame.rawSize;
      }
    }
    start = end;
  });
  return runs;
}
