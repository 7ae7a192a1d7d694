import type { Buffer } from 'node:buffer';
import { openFrame, SHA256_BYTES } from '../format/codec.ts';
import type { Attributes } from '../format/entry.ts';
import { writeError } from '../fs/tree-errors.ts';
import { release } from '../threads/buffers.ts';
import {
  FrameColumn,
  PieceColumn,
  splitStrings,
  type UnpackJob,
  type UnpackResult,
} from '../threads/jobs.ts';
import { writePart, writeWhole } from './staged-file.ts';

/**
 * Runs in a worker: checks each frame against its hash, decompresses it, and cuts the files out of its raw bytes into
 * staging. Nothing is parsed: the manifest has said where each file lies.
 * Throws `DamagedArchiveError` for a frame that is not the manifest's, `TargetTreeError` for a file that cannot be
 * written.
 */
export function unpackFrames(job: UnpackJob): UnpackResult {
  const count = job.pieces.length / PieceColumn.width;
  const paths = splitStrings(job.paths, count);
  // Access times are now, as tar leaves them
  const now = Date.now() / 1000;
  let raw: Buffer | undefined;
  let frame = -1;
  let written = 0;
  for (let index = 0; index < count; index++) {
    const piece = readPiece(job.pieces, index);
    if (piece.size > 0 && piece.frame !== frame) {
      frame = piece.frame;
      if (raw) release(raw);
      raw = openFrame(...frameOf(job, frame));
    }
    const path = paths[index]!;
    const data = piece.size > 0 ? raw!.subarray(piece.offset, piece.offset + piece.size) : undefined;
    try {
      if (piece.partial) writePart(path, data!, piece.position);
      else writeWhole(path, data, piece, now, job.masksModes);
    } catch (error) {
      throw writeError(path, error);
    }
    written += piece.size;
  }
  if (raw) release(raw);
  release(job.bytes);
  return { written };
}

/** One row of `UnpackJob.pieces`. */
interface Piece extends Attributes {
  readonly frame: number;
  readonly offset: number;
  readonly size: number;
  readonly position: number;
  readonly partial: boolean;
}

function readPiece(pieces: Float64Array, index: number): Piece {
  const row = index * PieceColumn.width;
  return {
    frame: pieces[row + PieceColumn.frame]!,
    offset: pieces[row + PieceColumn.offset]!,
    size: pieces[row + PieceColumn.size]!,
    position: pieces[row + PieceColumn.position]!,
    partial: pieces[row + PieceColumn.partial] === 1,
    mode: pieces[row + PieceColumn.mode]!,
    mtimeUs: pieces[row + PieceColumn.mtimeUs]!,
    uid: pieces[row + PieceColumn.uid]!,
    gid: pieces[row + PieceColumn.gid]!,
  };
}

function frameOf(job: UnpackJob, frame: number): Parameters<typeof openFrame> {
  const row = frame * FrameColumn.width;
  const start = job.frames[row + FrameColumn.start]!;
  const bytes = job.bytes.subarray(start, start + job.frames[row + FrameColumn.size]!);
  const sha256 = job.hashes.subarray(frame * SHA256_BYTES, (frame + 1) * SHA256_BYTES);
  return [bytes, { rawSize: job.frames[row + FrameColumn.rawSize]!, sha256 }];
}
