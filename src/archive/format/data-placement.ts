import { DamagedArchiveError } from '../archive-errors.ts';
import { compressBound, MAX_FRAME_RAW_BYTES } from './container.ts';
import type { Entry, Frame } from './entry.ts';
import { BLOCK_BYTES } from './tar-blocks.ts';

/** Where a manifest may say that data lies: what becomes memory and offsets later is bounded here. */

/** Throws `DamagedArchiveError` for frames that none of ours are like, or that the object has no room for. */
export function checkFrames(frames: readonly Frame[], manifestStart: number): void {
  let end = 0;
  for (const { size, rawSize } of frames) {
    if (size === 0 || size > compressBound(rawSize) || rawSize === 0 || rawSize > MAX_FRAME_RAW_BYTES) {
      throw new DamagedArchiveError(
        `its manifest claims a frame of ${size} bytes that decodes to ${rawSize}`,
      );
    }
    end += size;
  }
  if (end > manifestStart)
    throw new DamagedArchiveError('the frames of its manifest are longer than its data');
}

/** Data lies inside its frames, each byte belongs to one file, and a sliced file has its frames for itself. */
export class DataPlacement {
  readonly #frames: readonly Frame[];
  /** End of the data known so far in each frame's raw bytes. */
  readonly #ends: Float64Array;

  constructor(frames: readonly Frame[]) {
    this.#frames = frames;
    this.#ends = new Float64Array(frames.length);
  }

  /** The next entry. Returns what is wrong with its place, as the end of a sentence; undefined: nothing. */
  add(entry: Entry): string | undefined {
    if (entry.size === 0) return undefined;
    let { frame, offset } = entry;
    let left = entry.size;
    if (!Number.isInteger(frame) || frame < 0 || offset < 0 || offset % BLOCK_BYTES !== 0)
      return 'lies nowhere';
    while (left > 0) {
      const rawSize = this.#frames[frame]?.rawSize ?? 0;
      if (offset >= rawSize || offset < this.#ends[frame]!)
        return 'has data outside its frame or over another file';
      const take = Math.min(left, rawSize - offset);
      // Only a file that goes on in the next frame may fill this one to its end and be more than it
      this.#ends[frame] = left > take ? rawSize : offset + take;
      left -= take;
      frame++;
      offset = 0;
    }
    return undefined;
  }
}
