import { DamagedArchiveError } from '../archive-errors.ts';
import { compressBound } from '../format/codec.ts';
import type { Entry, Frame } from '../format/entry.ts';
import { MAX_FRAME_RAW_BYTES } from '../format/limits.ts';
import { BLOCK_BYTES } from '../format/tar-blocks.ts';

/** Checks the frames and data offsets of a manifest, which later become memory sizes and file offsets. */

/** Throws `DamagedArchiveError` for a frame of an impossible size, or if all frames do not fit before the byte `manifestStart`. */
export function checkFrames(frames: readonly Frame[], manifestStart: number): void {
  let end = 0;
  for (const { size, rawSize } of frames) {
    if (size === 0 || size > compressBound(rawSize) || rawSize === 0 || rawSize > MAX_FRAME_RAW_BYTES) {
      throw new DamagedArchiveError(
        `its manifest states a frame of ${size} bytes that decodes to ${rawSize}`,
      );
    }
    end += size;
  }
  if (end > manifestStart)
    throw new DamagedArchiveError('the frames of its manifest are longer than its data');
}

/** Checks entry by entry that the data is inside its frames, and that no two files overlap. */
export class DataPlacement {
  readonly #frames: readonly Frame[];
  /** End of the data found so far in each frame, in its raw bytes. */
  readonly #ends: Float64Array;

  constructor(frames: readonly Frame[]) {
    this.#frames = frames;
    this.#ends = new Float64Array(frames.length);
  }

  /** Adds the next entry. Returns the fault of its data as the end of a sentence, or undefined if there is none. */
  add(entry: Entry): string | undefined {
    if (entry.size === 0) return undefined;
    let { frame, offset } = entry;
    let left = entry.size;
    if (offset < 0 || offset % BLOCK_BYTES !== 0) return 'has an impossible data offset';
    while (left > 0) {
      const rawSize = this.#frames[frame]?.rawSize ?? 0;
      if (offset >= rawSize || offset < this.#ends[frame]!)
        return 'has data outside its frame or overlapping another file';
      const take = Math.min(left, rawSize - offset);
      // A file that continues in the next frame fills this one to its end
      this.#ends[frame] = left > take ? rawSize : offset + take;
      left -= take;
      frame++;
      offset = 0;
    }
    return undefined;
  }
}
