import { type DataPiece, dataPieces, isInOneFrame } from '../format/data-pieces.ts';
import type { Entry, Frame, Manifest } from '../format/entry.ts';

/** Part of a file that one frame holds, for a file in several frames. */
interface SlicePiece extends DataPiece {
  readonly entry: number;
}

/**
 * Lists the wanted files with data in each frame. A save puts either whole files or a slice of one into a frame
 * (container.ts); a restore accepts both in one.
 */
export class FrameContents {
  /** Indexes of whole files, by frame. */
  readonly #whole: (number[] | undefined)[];
  readonly #slices = new Map<number, SlicePiece[]>();
  /** Indexes of the files in several frames. */
  readonly sliced: readonly number[];

  constructor(
    { frames, entries }: Pick<Manifest, 'frames' | 'entries'>,
    isWanted: (entry: number) => boolean,
  ) {
    this.#whole = new Array(frames.length);
    const sliced: number[] = [];
    entries.forEach((entry, index) => {
      if (entry.size === 0 || !isWanted(index)) return;
      if (isInOneFrame(entry, frames)) {
        this.#whole[entry.frame] ??= [];
        this.#whole[entry.frame]!.push(index);
      } else {
        sliced.push(index);
        this.#slice(entry, index, frames);
      }
    });
    this.sliced = sliced;
  }

  /** Returns whether anything in this frame is wanted. */
  has(frame: number): boolean {
    return this.#whole[frame] !== undefined || this.#slices.has(frame);
  }

  whole(frame: number): readonly number[] {
    return this.#whole[frame] ?? [];
  }

  slices(frame: number): readonly SlicePiece[] {
    return this.#slices.get(frame) ?? [];
  }

  /** Counts the wanted files and slices in these frames. */
  countPieces(frames: readonly number[]): number {
    return frames.reduce((sum, frame) => sum + this.whole(frame).length + this.slices(frame).length, 0);
  }

  #slice(entry: Entry, index: number, frames: readonly Frame[]): void {
    for (const piece of dataPieces(entry, frames)) {
      const pieces = this.#slices.get(piece.frame) ?? [];
      pieces.push({ ...piece, entry: index });
      this.#slices.set(piece.frame, pieces);
    }
  }
}
