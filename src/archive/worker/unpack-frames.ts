import { Buffer } from 'node:buffer';
import { constants } from 'node:fs';
import { readFrame, storeFrame } from '../disk-cache/frame-files.ts';
import { problemOf } from '../disk-cache/problems.ts';
import { decodeFrame, openFrame } from '../format/codec.ts';
import { CONTENT_HASH_BYTES, type ContentHasher } from '../format/content-hashes.ts';
import { type Attributes, creationMode, makeReadOnly, setAttributes } from '../fs/attributes.ts';
import { lstatExact } from '../fs/file-status.ts';
import { RefusedAttributes } from '../fs/refused-attributes.ts';
import { StatusRows } from '../fs/status-rows.ts';
import { wrapStagedError } from '../fs/tree-errors.ts';
import { NEW_FILE, withFile, writeAt } from '../fs/with-file.ts';
import { release } from '../memory/buffers.ts';
import type { Claim } from '../messages/disk-job.ts';
import { frameOf, readPieces, type UnpackJob, type UnpackResult } from '../messages/unpack-job.ts';

/** Size of the blocks of zeros that are not written to a file in slices: they become a hole. */
const HOLE_BYTES = 64 * 1024;
const ZEROS = new Uint8Array(HOLE_BYTES);

/**
 * Checks each frame against its hash, decompresses it, and writes the files in it to staging. No tar is parsed: the manifest has
 * the place of each file. Leaves out frames that the disk cache had and has lost. `hasher` has the key of the wanted facts, and
 * is undefined if they have none. Throws `DamagedArchiveError` for a frame without the hash of the manifest, `StagedFileError`
 * for a file that cannot be written.
 */
export function unpackFrames(job: UnpackJob, hasher: ContentHasher | undefined): UnpackResult {
  const source = new FrameSource(job);
  let raw: Buffer | undefined;
  let frame = -1;
  let written = 0;
  const refused = new RefusedAttributes();
  const rows = job.wants && StatusRows.of(job.pieces.rows);
  const contents = hasher && new Uint8Array(job.pieces.rows * CONTENT_HASH_BYTES);
  let index = -1;
  for (const piece of readPieces(job)) {
    index++;
    if (piece.size > 0 && piece.frame !== frame) {
      frame = piece.frame;
      if (raw) release(raw);
      raw = source.open(frame);
    }
    if (piece.size > 0 && !raw) continue;
    const { path } = piece;
    const data = piece.size > 0 ? raw!.subarray(piece.offset, piece.offset + piece.size) : undefined;
    wrapStagedError(path, () => {
      if (piece.isSlice) return writePart(path, data!, piece.position);
      writeWhole(path, data, piece, job.masksModes, refused);
      // By its path: some file systems set the times of a file when it is closed
      const stats = rows && lstatExact(path);
      if (stats) rows.set(index, stats);
    });
    if (data && contents) hasher.write(data, contents, index * CONTENT_HASH_BYTES);
    written += piece.size;
  }
  if (raw) release(raw);
  const { missing, stored, storeProblem } = source;
  const facts = { status: rows?.values, contents };
  return { written, refused: refused.counts, missing, stored, storeProblem, ...facts };
}

/** Opens the frames of one job: from the bytes of the job, or from the disk cache. */
class FrameSource {
  readonly #job: UnpackJob;
  /** Frames that the disk cache does not have. */
  readonly missing: number[] = [];
  /** Bytes of frames that were stored in the disk cache. */
  stored = 0;
  /** Code of the first error of a store. */
  storeProblem: string | undefined;

  constructor(job: UnpackJob) {
    this.#job = job;
  }

  /**
   * Returns the raw bytes of a frame. Returns undefined if it is read from the disk cache, which has lost it. Throws
   * `DamagedArchiveError` for a frame without the hash of the manifest.
   */
  open(frame: number): Buffer | undefined {
    const { disk } = this.#job;
    const { bytes, ...expected } = frameOf(this.#job, frame);
    if (disk && !disk.claims) {
      const read = readFrame(disk.directory, expected);
      if (read) return decodeFrame(read, expected.rawSize);
      this.missing.push(frame);
      return undefined;
    }
    const raw = openFrame(bytes, expected);
    const claim = disk?.claims?.[frame];
    if (disk && claim !== undefined) this.#store(disk.directory, bytes, expected.sha256, claim);
    return raw;
  }

  /** Stores a frame in the disk cache. Never throws: after a failure the next restore downloads the frame. */
  #store(directory: string, bytes: Uint8Array, sha256: Uint8Array, claim: Claim): void {
    try {
      const frame = { size: bytes.length, sha256 };
      if (storeFrame(directory, frame, bytes, claim)) this.stored += bytes.length;
    } catch (error) {
      this.storeProblem ??= problemOf(error);
    }
  }
}

/**
 * Writes a new file with its mode, owner and time. It is created with its mode: the process's umask is 0 while a restore
 * runs (publish/stage.ts). The mode is set again only if the file system has changed it (`masksModes`). Counts in `refused` the
 * attributes that the system refuses. Throws its other errors.
 */
function writeWhole(
  path: string,
  data: Uint8Array | undefined,
  attributes: Attributes,
  masksModes: boolean,
  refused: RefusedAttributes,
): void {
  const write = (fd: number) => {
    if (data) writeAt(fd, data, 0);
    setAttributes(fd, attributes, refused, { knownMode: masksModes ? undefined : attributes.mode });
  };
  withFile(path, NEW_FILE, write, creationMode(attributes.mode));
  makeReadOnly(path, attributes.mode, refused);
}

/** Writes a slice of a file that exists already at its full length. Throws the system's errors. */
function writePart(path: string, data: Uint8Array, position: number): void {
  withFile(path, constants.O_WRONLY, fd => {
    for (let start = 0; start < data.length; start += HOLE_BYTES) {
      const block = data.subarray(start, start + HOLE_BYTES);
      if (isZero(block)) continue;
      // Writes at once up to the next hole
      let end = start + block.length;
      while (end < data.length && !isZero(data.subarray(end, end + HOLE_BYTES))) end += HOLE_BYTES;
      writeAt(fd, data.subarray(start, end), position + start);
      start = end - HOLE_BYTES;
    }
  });
}

function isZero(block: Uint8Array): boolean {
  return block[0] === 0 && Buffer.compare(block, ZEROS.subarray(0, block.length)) === 0;
}
