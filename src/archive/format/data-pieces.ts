import type { Entry, Frame } from './entry.ts';

/** The position of an entry's data. */
type DataPosition = Pick<Entry, 'frame' | 'offset' | 'size'>;

/** The part of a file's data that is in one frame. */
export interface DataPiece {
  readonly frame: number;
  /** Offset in the raw bytes of the frame. */
  readonly offset: number;
  /** Number of bytes. */
  readonly size: number;
  /** Offset of these bytes in the file. */
  readonly position: number;
}

/** Counts the pieces of an entry's data. */
export function countPieces({ frame, offset, size }: DataPosition, frames: readonly Frame[]): number {
  let count = 0;
  for (let left = size > 0 ? offset + size : 0; left > 0; count++) left -= frames[frame + count]!.rawSize;
  return count;
}

/** Yields the pieces of an entry's data, in their order: one of a whole file, several of a file in slices. */
export function* dataPieces(
  { frame, offset, size }: DataPosition,
  frames: readonly Frame[],
): Generator<DataPiece> {
  for (let position = 0; position < size; frame++, offset = 0) {
    const take = Math.min(size - position, frames[frame]!.rawSize - offset);
    yield { frame, offset, size: take, position };
    position += take;
  }
}
