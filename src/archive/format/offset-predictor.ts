import { padded } from './tar-blocks.ts';

/**
 * Where data would lie if it followed the entry before it in the same frame. What a manifest stores is the difference:
 * the bytes of the headers in between, nearly always as many.
 */
export class OffsetPredictor {
  #frame = -1;
  #end = 0;

  expected(frame: number): number {
    return frame === this.#frame ? this.#end : 0;
  }

  after(frame: number, offset: number, size: number): void {
    this.#frame = frame;
    this.#end = offset + padded(size);
  }
}
