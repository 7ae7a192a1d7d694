import { Buffer } from 'node:buffer';
import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  ftruncateSync,
  futimesSync,
  openSync,
  writeSync,
} from 'node:fs';
import { release } from './buffers.ts';
import { openFrame, SHA256_BYTES } from './codec.ts';
import { FrameColumn, PieceColumn, splitStrings, type UnpackJob, type UnpackResult } from './jobs.ts';
import { fsPath } from './names.ts';
import { thisPlatform, toFileTime } from './platform.ts';
import { unwritable } from './tree-errors.ts';

/** Zeros of this many bytes are left out of a file that is written in slices: they become a hole. */
const HOLE_BYTES = 64 * 1024;
const ZEROS = new Uint8Array(HOLE_BYTES);

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
      throw unwritable(path, error);
    }
    written += piece.size;
  }
  if (raw) release(raw);
  release(job.bytes);
  return { written };
}

interface Piece {
  readonly frame: number;
  readonly offset: number;
  readonly size: number;
  readonly position: number;
  readonly partial: boolean;
  readonly mode: number;
  readonly mtimeUs: number;
  readonly uid: number;
  readonly gid: number;
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

/**
 * A new file, complete with mode, owner and time. The mode is right from its creation on: the process's umask is 0
 * while a restore runs (stage.ts). Only where a default ACL masks it, it is set again.
 */
function writeWhole(
  path: string,
  data: Uint8Array | undefined,
  piece: Piece,
  now: number,
  masksModes: boolean,
): void {
  const fd = openSync(fsPath(path), constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, piece.mode);
  try {
    if (data) writeAll(fd, data, 0);
    if (masksModes) fchmodSync(fd, piece.mode);
    finishFile(fd, piece, now);
  } finally {
    closeSync(fd);
  }
}

/** A slice of a file that exists already at its full length. */
function writePart(path: string, data: Uint8Array, position: number): void {
  const fd = openSync(fsPath(path), constants.O_WRONLY);
  try {
    for (let start = 0; start < data.length; start += HOLE_BYTES) {
      const block = data.subarray(start, start + HOLE_BYTES);
      if (isZero(block)) continue;
      // One write up to the next hole
      let end = start + block.length;
      while (end < data.length && !isZero(data.subarray(end, end + HOLE_BYTES))) end += HOLE_BYTES;
      writeAll(fd, data.subarray(start, end), position + start);
      start = end - HOLE_BYTES;
    }
  } finally {
    closeSync(fd);
  }
}

function isZero(block: Uint8Array): boolean {
  return block[0] === 0 && Buffer.compare(block, ZEROS.subarray(0, block.length)) === 0;
}

function writeAll(fd: number, data: Uint8Array, position: number): void {
  for (let done = 0; done < data.length; ) {
    done += writeSync(fd, data, done, data.length - done, position + done);
  }
}

/** What a finished file needs besides its data. */
export interface FileAttributes {
  readonly mode: number;
  readonly mtimeUs: number;
  readonly uid: number;
  readonly gid: number;
}

/** Owner, mode and times of an open file that was created with its mode. */
function finishFile(fd: number, attributes: FileAttributes, now: number): void {
  if (thisPlatform.keepsOwners && isOthers(attributes)) fchownSync(fd, attributes.uid, attributes.gid);
  // A change of owner takes the set-id bits away, and so does every write of an ordinary user
  if (thisPlatform.hasModes && attributes.mode > 0o777) fchmodSync(fd, attributes.mode);
  futimesSync(fd, now, toFileTime(attributes.mtimeUs));
}

/** What we create is ours already: staging has no set-group-id bit (publish/staging.ts). */
function isOthers({ uid, gid }: FileAttributes): boolean {
  return uid >= 0 && (uid !== process.geteuid?.() || gid !== process.getegid?.());
}

/** Creates the file that slices are written to: at its length, writable by us until it is complete. */
export function createSparse(path: string, size: number): void {
  try {
    const fd = openSync(fsPath(path), constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
    try {
      ftruncateSync(fd, size);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw unwritable(path, error);
  }
}

/** Ends a file whose slices are all written. */
export function finishSparse(path: string, attributes: FileAttributes): void {
  try {
    const fd = openSync(fsPath(path), constants.O_WRONLY);
    try {
      if (thisPlatform.hasModes) fchmodSync(fd, attributes.mode);
      finishFile(fd, attributes, Date.now() / 1000);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw unwritable(path, error);
  }
}
