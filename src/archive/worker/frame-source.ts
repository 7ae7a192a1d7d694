import { readFrame, storeFrame } from '../disk-cache/frame-files.ts';
import { problemOf } from '../disk-cache/problems.ts';
import { decodeFrame, openFrame } from '../format/codec.ts';
import type { Claim } from '../messages/disk-request.ts';
import type { DiskUse, UnpackPieces } from '../messages/unpack-job.ts';

/** Opens the frames of one job: from the bytes that came with it, or from the disk cache. */
export class FrameSource {
  readonly #pieces: UnpackPieces;
  readonly #disk: DiskUse | undefined;
  /** Frames that the disk cache does not have. */
  readonly missing: number[] = [];
  /** Bytes of frames that were stored in the disk cache. */
  stored = 0;
  /** Code of the first error of a store. */
  storeProblem: string | undefined;

  constructor(pieces: UnpackPieces, disk: DiskUse | undefined) {
    this.#pieces = pieces;
    this.#disk = disk;
  }

  /**
   * Returns the raw bytes of a frame, undefined if the disk cache should have it and has not. Throws `DamagedArchiveError`
   * for a frame that is not the manifest's.
   */
  open(frame: number): Buffer | undefined {
    const disk = this.#disk;
    const { bytes, ...expected } = this.#pieces.frame(frame);
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

  /** A failure costs the next restore a download. */
  #store(directory: string, bytes: Uint8Array, sha256: Uint8Array, claim: Claim): void {
    try {
      const frame = { size: bytes.length, sha256 };
      if (storeFrame(directory, frame, bytes, claim)) this.stored += bytes.length;
    } catch (error) {
      this.storeProblem ??= problemOf(error);
    }
  }
}
