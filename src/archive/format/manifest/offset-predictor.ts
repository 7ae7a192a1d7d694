import { padded } from '../tar-blocks.ts';

/**
 * Predicts the offset of an entry's data as the end of the data before it in the same frame. The manifest stores the
 * difference: the bytes of the headers in between, nearly always the same number.
 */
export class OffsetPredictor {
  #frame = -1;
  #end = 0;

  predict(frame: number): number {
    return frame === this.#frame ? this.#end : 0;
  }

  /** Adds the data of an entry. */
  add(frame: number, offset: number, size: number): void {
    this.#frame = frame;
    this.#end = offset + padded(size);
  }
}
