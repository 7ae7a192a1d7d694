import type { Entry, Manifest } from '../format/entry.ts';
import { BLOCK_BYTES, PAX_HEADER_BYTES, padded } from '../format/tar-blocks.ts';

/** How an archive's data region is used, in bytes of the object. */
export interface RegionUsage {
  readonly regionBytes: number;
  /** What no entry uses any more; an estimate, because frames are compressed as a whole. */
  readonly deadBytes: number;
}

/** A region smaller than this cannot be copied: S3's smallest part, in bytes. */
const MIN_REGION_BYTES = 5 * 1024 * 1024;
/** The share of dead bytes from which on a full save is the better one. */
const MOST_DEAD = 0.25;

/** Whether growing from an archive that is used like this is worth it. */
export function isWorthReusing({ regionBytes, deadBytes }: RegionUsage): boolean {
  return regionBytes >= MIN_REGION_BYTES && deadBytes <= MOST_DEAD * regionBytes;
}

/** Bytes of tar that an entry's header takes: nearly always one of these two. */
function headerBytes({ name, mtimeUs }: Entry): number {
  return name.length <= 100 && Number.isInteger(mtimeUs / 1e6) ? BLOCK_BYTES : PAX_HEADER_BYTES;
}

/** How much of an archive's frames those of its entries use that are alive, by their index; default: all are. */
export function regionUsage(
  manifest: Manifest,
  isAlive: (entry: number) => boolean = () => true,
): RegionUsage {
  const live = new LiveBytes(manifest);
  manifest.entries.forEach((entry, index) => {
    if (isAlive(index)) live.add(entry);
  });
  return live.result();
}

class LiveBytes {
  readonly #frames: Manifest['frames'];
  /** Raw bytes in use by frame: data, padding and its header. */
  readonly #live: Float64Array;
  /** Headers of entries without data: which frames they are in is known to nobody. */
  #headers = 0;

  constructor({ frames }: Manifest) {
    this.#frames = frames;
    this.#live = new Float64Array(frames.length);
  }

  add(entry: Entry): void {
    const header = headerBytes(entry);
    if (entry.size === 0) {
      this.#headers += header;
      return;
    }
    let { frame, offset } = entry;
    this.#live[frame]! += header;
    for (let left = entry.size; left > 0; frame++) {
      const take = Math.min(left, this.#frames[frame]!.rawSize - offset);
      this.#live[frame]! += padded(take);
      left -= take;
      offset = 0;
    }
  }

  /** Compressed bytes: a frame's dead raw bytes count by its ratio. */
  result(): RegionUsage {
    let regionBytes = 0;
    let dead = 0;
    let deadRaw = 0;
    this.#frames.forEach(({ size, rawSize }, index) => {
      const unused = Math.max(0, rawSize - this.#live[index]!);
      regionBytes += size;
      dead += size * (unused / rawSize);
      deadRaw += unused;
    });
    const share = deadRaw > 0 ? Math.max(0, deadRaw - this.#headers) / deadRaw : 0;
    return { regionBytes, deadBytes: dead * share };
  }
}
