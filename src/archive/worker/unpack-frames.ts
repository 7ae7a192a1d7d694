import type { Buffer } from 'node:buffer';
import { StagedFileError } from '../archive-errors.ts';
import { openFrame } from '../format/codec.ts';
import { RefusedAttributes } from '../fs/refused-attributes.ts';
import { release } from '../memory/buffers.ts';
import { type UnpackJob, UnpackPieces, type UnpackResult } from '../messages/unpack-job.ts';
import { writePart, writeWhole } from './staged-file.ts';

/**
 * Checks each frame against its hash, decompresses it, and cuts the files out of its raw bytes into staging. No tar is
 * parsed: the manifest has the place of each file.
 * Throws `DamagedArchiveError` for a frame that is not the manifest's, `StagedFileError` for a file that cannot be
 * written.
 */
export function unpackFrames(job: UnpackJob): UnpackResult {
  const pieces = new UnpackPieces(job);
  // Access times are now, as tar leaves them
  const now = Date.now() / 1000;
  let raw: Buffer | undefined;
  let frame = -1;
  let written = 0;
  const refused = new RefusedAttributes();
  for (let index = 0; index < pieces.count; index++) {
    const piece = pieces.get(index);
    if (piece.size > 0 && piece.frame !== frame) {
      frame = piece.frame;
      if (raw) release(raw);
      const { bytes, ...expected } = pieces.frame(frame);
      raw = openFrame(bytes, expected);
    }
    const path = pieces.path(index);
    const data = piece.size > 0 ? raw!.subarray(piece.offset, piece.offset + piece.size) : undefined;
    try {
      if (piece.partial) writePart(path, data!, piece.position);
      else writeWhole(path, data, piece, now, job.masksModes, refused);
    } catch (error) {
      throw new StagedFileError(path, error);
    }
    written += piece.size;
  }
  if (raw) release(raw);
  release(job.bytes);
  return { written, refused: refused.counts };
}
