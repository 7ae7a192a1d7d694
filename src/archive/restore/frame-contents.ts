import type { DataPiece } from '../format/data-pieces.ts';
import { type Entry, EntryType, type Manifest } from '../format/entry.ts';

/** Data of a wanted file in one of the frames of a job. `frame` is the number of the frame in the job. */
export interface WantedPiece extends DataPiece {
  readonly entry: number;
  /** Number of the piece in the entry's data (`dataPieces`). */
  readonly number: number;
  /** Whether other frames have data of the file too. */
  readonly isSlice: boolean;
}

/**
 * Lists the wanted files with data in each frame. A save puts either whole files or a slice of one into a frame
 * (container.ts); a restore accepts both in one.
 */
export class FrameContents {
  readonly #entries: readonly Entry[];
  /** Offsets of the frames in the tar stream. */
  readonly #starts: Float64Array;
  /** Entries with data in each frame. */
  readonly #entriesIn: (number[] | undefined)[];
  /** Indexes of the files in several frames. */
  readonly sliced: number[] = [];
  /** Indexes of the wanted files without data. */
  readonly empty: number[] = [];

  constructor(
    { frames, entries }: Pick<Manifest, 'frames' | 'entries'>,
    isWanted: (entry: number) => boolean,
  ) {
    this.#entries = entries;
    this.#starts = new Float64Array(frames.length + 1);
    frames.forEach(({ rawSize }, frame) => {
      this.#starts[frame + 1] = this.#starts[frame]! + rawSize;
    });
    this.#entriesIn = new Array(frames.length);
    entries.forEach((entry, index) => {
      if (entry.type !== EntryType.file || !isWanted(index)) return;
      if (entry.size === 0) {
        this.empty.push(index);
        return;
      }
      const end = this.#startOf(entry) + entry.size;
      let { frame } = entry;
      if (this.#starts[frame + 1]! < end) this.sliced.push(index);
      for (; this.#starts[frame]! < end; frame++) {
        this.#entriesIn[frame] ??= [];
        this.#entriesIn[frame]!.push(index);
      }
    });
  }

  /** Returns whether anything in this frame is wanted. */
  has(frame: number): boolean {
    return this.#entriesIn[frame] !== undefined;
  }

  /** Counts the pieces in these frames. */
  count(frames: readonly number[]): number {
    return frames.reduce((sum, frame) => sum + (this.#entriesIn[frame]?.length ?? 0), 0);
  }

  /** Yields the pieces in the frames of a job, in the order of the frames. */
  *pieces(frames: readonly number[]): Generator<WantedPiece> {
    for (const [inJob, frame] of frames.entries()) {
      for (const entry of this.#entriesIn[frame] ?? []) yield this.#pieceOf(entry, frame, inJob);
    }
  }

  #pieceOf(index: number, frame: number, inJob: number): WantedPiece {
    const entry = this.#entries[index]!;
    const number = frame - entry.frame;
    const offset = number === 0 ? entry.offset : 0;
    const start = this.#starts[frame]! + offset;
    const position = start - this.#startOf(entry);
    const size = Math.min(entry.size - position, this.#starts[frame + 1]! - start);
    return { entry: index, number, frame: inJob, offset, size, position, isSlice: size < entry.size };
  }

  /** Returns the offset of an entry's data in the tar stream. */
  #startOf({ frame, offset }: Entry): number {
    return this.#starts[frame]! + offset;
  }
}
