import type { Entry, Frame } from './entry.ts';

/** The place of an entry's data. */
type PlacedData = Pick<Entry, 'frame' | 'offset' | 'size'>;

/** The part of a file's data that is in one frame. */
export interface DataPiece {
  readonly frame: number;
  /** Offset in the raw bytes of the frame. */
  readonly offset: number;
  /** Bytes. */
  readonly size: number;
  /** Offset of these bytes in the file. */
  readonly position: number;
}

/** Returns whether an entry with data has all of it in one frame. */
export function isInOneFrame({ frame, offset, size }: PlacedData, frames: readonly Frame[]): boolean {
  return offset + size <= frames[frame]!.rawSize;
}

/** Yields the pieces of an entry's data, in their order: one of a whole file, several of a file in slices. */
export function* dataPieces(
  { frame, offset, size }: PlacedData,
  frames: readonly Frame[],
): Generator<DataPiece> {
  for (let position = 0; position < size; frame++, offset = 0) {
    const take = Math.min(size - position, frames[frame]!.rawSize - offset);
    yield { frame, offset, size: take, position };
    position += take;
  }
}
