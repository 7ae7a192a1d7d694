import type { DataPiece } from '../format/data-pieces.ts';
import type { Frame } from '../format/entry.ts';
import type { Attributes } from '../fs/attributes.ts';
import type { RefusedCounts } from '../fs/refused-attributes.ts';
import type { Claim } from './disk-job.ts';
import { ATTRIBUTES, columns, readAttributes, writeAttributes } from './rows.ts';

/** A job that checks and decompresses frames, and writes the files in them. */
export interface UnpackJob {
  readonly kind: 'unpack';
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly frames: readonly FrameInJob[];
  /** A row of `PieceColumn.width` numbers for each piece, in the order of the frames. */
  readonly pieces: Float64Array<ArrayBuffer>;
  /** The path of each piece's file. */
  readonly paths: string;
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

const PieceColumn = columns('frame', 'offset', 'size', 'position', 'isSlice', ...ATTRIBUTES);

/** Data of a file: all of it, or a slice if `isSlice`. `frame` is the number of the frame in this job. */
interface Piece extends DataPiece {
  readonly isSlice: boolean;
}

/** A whole file without data. */
export const EMPTY_PIECE: Piece = { frame: 0, offset: 0, size: 0, position: 0, isSlice: false };

/** Writes a job: its frames, and its pieces in the order of their frames. */
export class UnpackJobWriter {
  readonly #frames: FrameInJob[] = [];
  readonly #pieces: Float64Array<ArrayBuffer>;
  readonly #paths: string[] = [];

  constructor(pieces: number) {
    this.#pieces = new Float64Array(pieces * PieceColumn.width);
  }

  /** Adds a frame that begins at `start` of the job's bytes. */
  addFrame(start: number, { size, rawSize, sha256 }: Frame): void {
    // A copy, because a message has the whole memory of a view
    this.#frames.push({ start, size, rawSize, sha256: sha256.slice() });
  }

  /** Adds a piece of the file that is built at `path`. */
  addPiece(piece: Piece, attributes: Attributes, path: string): void {
    const row = this.#paths.length * PieceColumn.width;
    this.#pieces[row + PieceColumn.frame] = piece.frame;
    this.#pieces[row + PieceColumn.offset] = piece.offset;
    this.#pieces[row + PieceColumn.size] = piece.size;
    this.#pieces[row + PieceColumn.position] = piece.position;
    this.#pieces[row + PieceColumn.isSlice] = piece.isSlice ? 1 : 0;
    writeAttributes(this.#pieces, row + PieceColumn.mode, attributes);
    this.#paths.push(path);
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
      pieces: this.#pieces,
      paths: this.#paths.join('\0'),
      masksModes,
      wants,
      disk,
    };
  }
}

/** The pieces of a job, and their frames. */
export class UnpackPieces {
  readonly count: number;
  readonly #job: UnpackJob;
  readonly #paths: readonly string[];

  constructor(job: UnpackJob) {
    this.#job = job;
    this.count = job.pieces.length / PieceColumn.width;
    this.#paths = job.paths.split('\0');
  }

  path(index: number): string {
    return this.#paths[index]!;
  }

  get(index: number): Piece & Attributes {
    const { pieces } = this.#job;
    const row = index * PieceColumn.width;
    return {
      frame: pieces[row + PieceColumn.frame]!,
      offset: pieces[row + PieceColumn.offset]!,
      size: pieces[row + PieceColumn.size]!,
      position: pieces[row + PieceColumn.position]!,
      isSlice: pieces[row + PieceColumn.isSlice] === 1,
      ...readAttributes(pieces, row + PieceColumn.mode),
    };
  }

  /** Returns the compressed bytes of a frame, and its sizes and hash in the manifest. */
  frame(index: number): Frame & { readonly bytes: Uint8Array } {
    const { start, ...frame } = this.#job.frames[index]!;
    return { ...frame, bytes: this.#job.bytes.subarray(start, start + frame.size) };
  }
}
