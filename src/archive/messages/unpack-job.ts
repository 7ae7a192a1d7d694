import type { DataPiece } from '../format/data-pieces.ts';
import type { Frame } from '../format/entry.ts';
import type { Attributes } from '../fs/attributes.ts';
import type { RefusedCounts } from '../fs/refused-attributes.ts';
import type { Claim } from './disk-job.ts';
import { type AttributeNumbers, readTable, type Table, TableWriter } from './table.ts';

/** A job that checks and decompresses frames, and writes the files in them. */
export interface UnpackJob {
  readonly kind: 'unpack';
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly frames: readonly FrameInJob[];
  /** The pieces in the order of the frames. */
  readonly pieces: Table;
  /** Whether the file system changes the modes of new files, so that they are set again. */
  readonly masksModes: boolean;
  /** Facts about the written files that the result needs, if any. */
  readonly wants?: WantedFacts | undefined;
  /** Use of the disk cache, if there is one. */
  readonly disk?: DiskUse | undefined;
}

/** A frame. `start` is its offset in the job's bytes. */
interface FrameInJob extends Frame {
  readonly start: number;
}

/** Facts about the written files that the result of a job has: the status of each whole file, and maybe the hashes of the data. */
export interface WantedFacts {
  /** The key with which the data of each piece is hashed, or undefined if no hashes are wanted. */
  readonly contentKey: Uint8Array | undefined;
}

/** Use of the disk cache in a job: frames are read from it, or frames of the bucket are stored in it. */
export interface DiskUse {
  readonly directory: string;
  /** The claim with which each frame is stored, or undefined if it is not. Without `claims`, frames are read. */
  readonly claims?: readonly (Claim | undefined)[] | undefined;
}

export interface UnpackResult {
  /** Bytes of file data written. */
  readonly written: number;
  readonly refused: RefusedCounts;
  /** Frames that the disk cache does not have, by their number in the job: nothing of them is written. */
  readonly missing: readonly number[];
  /** Bytes of frames that were stored in the disk cache. */
  readonly stored: number;
  /** Code of the first error of a store. */
  readonly storeProblem?: string | undefined;
  /** Status of the files by piece, if it is wanted: a row of zeros for a slice. */
  readonly status: BigInt64Array<ArrayBuffer> | undefined;
  /** `CONTENT_HASH_BYTES` for each piece, if they are wanted: zeros for an empty file. */
  readonly contents: Uint8Array<ArrayBuffer> | undefined;
}

type PlaceNumbers = [frame: number, offset: number, size: number, position: number];
type PieceNumbers = [...PlaceNumbers, isSlice: number, ...AttributeNumbers];

/** Data of a file: all of it, or a slice if `isSlice`. `frame` is the number of the frame in this job. */
interface Piece extends DataPiece {
  readonly isSlice: boolean;
}

/** A whole file without data. */
export const EMPTY_PIECE: Piece = { frame: 0, offset: 0, size: 0, position: 0, isSlice: false };

/** Writes a job: its frames, and its pieces in the order of their frames. */
export class UnpackJobWriter {
  readonly #frames: FrameInJob[] = [];
  readonly #pieces: TableWriter<PieceNumbers, [path: string]>;

  /** @param pieces the number of pieces. */
  constructor(pieces: number) {
    this.#pieces = new TableWriter(pieces);
  }

  /** Adds a frame that begins at `start` of the job's bytes. */
  addFrame(start: number, { size, rawSize, sha256 }: Frame): void {
    // A copy, because a message with a view has a clone of its whole memory
    this.#frames.push({ start, size, rawSize, sha256: sha256.slice() });
  }

  /** Adds a piece of the file that is built at `path`. */
  addPiece({ frame, offset, size, position, isSlice }: Piece, attributes: Attributes, path: string): void {
    const { mode, mtimeUs, mtimeRestNs, uid, gid } = attributes;
    this.#pieces.add(
      [frame, offset, size, position, Number(isSlice), mode, mtimeUs, mtimeRestNs, uid, gid],
      [path],
    );
  }

  /** Returns the job over the frames' bytes. */
  finish(
    bytes: Uint8Array<ArrayBuffer>,
    { masksModes, wants, disk }: Pick<UnpackJob, 'masksModes' | 'wants' | 'disk'>,
  ): UnpackJob {
    return {
      kind: 'unpack',
      bytes,
      frames: this.#frames,
      pieces: this.#pieces.finish(),
      masksModes,
      wants,
      disk,
    };
  }
}

/** A piece of a file that is written to `path`. */
export interface PieceToWrite extends Piece, Attributes {
  readonly path: string;
}

/** Reads the pieces of a job. */
export function* readPieces({ pieces }: UnpackJob): Generator<PieceToWrite> {
  for (const [numbers, [path]] of readTable<PieceNumbers, [path: string]>(pieces)) {
    const [frame, offset, size, position, isSlice, mode, mtimeUs, mtimeRestNs, uid, gid] = numbers;
    const piece = { frame, offset, size, position, isSlice: isSlice === 1 };
    yield { path, ...piece, mode, mtimeUs, mtimeRestNs, uid, gid };
  }
}

/** Returns the compressed bytes of a frame of a job, and its sizes and hash in the manifest. */
export function frameOf({ frames, bytes }: UnpackJob, index: number): Frame & { readonly bytes: Uint8Array } {
  const { start, ...frame } = frames[index]!;
  return { ...frame, bytes: bytes.subarray(start, start + frame.size) };
}
