import { SHA256_BYTES } from '../format/codec.ts';
import type { Entry, Frame } from '../format/entry.ts';
import type { StagedPaths } from '../publish/staged-paths.ts';
import type { FrameRun } from '../restore/plan-ranges.ts';
import type { FrameContents } from './frame-contents.ts';
import { FrameColumn, joinStrings, PieceColumn, type UnpackJob } from './jobs.ts';

/** Where files are built. */
export interface StagedFiles {
  readonly paths: StagedPaths;
  /** Files there get less of a mode than is asked for (publish/staging.ts). */
  readonly masksModes: boolean;
}

/** What a worker has to do with the bytes of `run`. `paths` says where each entry is built. */
export function unpackJob(
  run: FrameRun,
  bytes: Uint8Array<ArrayBuffer>,
  manifest: { readonly frames: readonly Frame[]; readonly entries: readonly Entry[] },
  contents: FrameContents,
  { paths, masksModes }: StagedFiles,
): UnpackJob {
  const { frames, entries } = manifest;
  const columns = new Float64Array(run.frames.length * FrameColumn.width);
  const hashes = new Uint8Array(run.frames.length * SHA256_BYTES);
  const pieces = new Pieces(countPieces(run, contents), entries, paths);
  run.frames.forEach((frame, index) => {
    const row = index * FrameColumn.width;
    columns[row + FrameColumn.start] = run.starts[index]! - run.start;
    columns[row + FrameColumn.size] = frames[frame]!.size;
    columns[row + FrameColumn.rawSize] = frames[frame]!.rawSize;
    hashes.set(frames[frame]!.sha256, index * SHA256_BYTES);
    for (const entry of contents.whole(frame)) {
      pieces.add(index, entry, entries[entry]!.offset, entries[entry]!.size, 0, false);
    }
    for (const piece of contents.slices(frame)) {
      pieces.add(index, piece.entry, piece.offset, piece.size, piece.position, true);
    }
  });
  return {
    kind: 'unpack',
    bytes,
    frames: columns,
    hashes,
    pieces: pieces.numbers,
    paths: pieces.joinedPaths(),
    masksModes,
  };
}

/** Files without data: nothing to fetch, only to create. */
export function emptyFilesJob(
  indexes: readonly number[],
  entries: readonly Entry[],
  { paths, masksModes }: StagedFiles,
): UnpackJob {
  const pieces = new Pieces(indexes.length, entries, paths);
  for (const entry of indexes) pieces.add(0, entry, 0, 0, 0, false);
  return {
    kind: 'unpack',
    bytes: new Uint8Array(0),
    frames: new Float64Array(0),
    hashes: new Uint8Array(0),
    pieces: pieces.numbers,
    paths: pieces.joinedPaths(),
    masksModes,
  };
}

function countPieces(run: FrameRun, contents: FrameContents): number {
  return run.frames.reduce(
    (sum, frame) => sum + contents.whole(frame).length + contents.slices(frame).length,
    0,
  );
}

/** The columns of a job's pieces. */
class Pieces {
  readonly numbers: Float64Array<ArrayBuffer>;
  readonly #paths: string[] = [];
  readonly #entries: readonly Entry[];
  readonly #staged: StagedPaths;

  constructor(count: number, entries: readonly Entry[], staged: StagedPaths) {
    this.numbers = new Float64Array(count * PieceColumn.width);
    this.#entries = entries;
    this.#staged = staged;
  }

  add(frame: number, index: number, offset: number, size: number, position: number, partial: boolean): void {
    const entry = this.#entries[index]!;
    const row = this.#paths.length * PieceColumn.width;
    this.numbers[row + PieceColumn.frame] = frame;
    this.numbers[row + PieceColumn.offset] = offset;
    this.numbers[row + PieceColumn.size] = size;
    this.numbers[row + PieceColumn.position] = position;
    this.numbers[row + PieceColumn.partial] = partial ? 1 : 0;
    this.numbers[row + PieceColumn.mode] = entry.mode;
    this.numbers[row + PieceColumn.mtimeUs] = entry.mtimeUs;
    this.numbers[row + PieceColumn.uid] = entry.uid;
    this.numbers[row + PieceColumn.gid] = entry.gid;
    this.#paths.push(this.#staged.at(index)!);
  }

  joinedPaths(): string {
    return joinStrings(this.#paths);
  }
}
