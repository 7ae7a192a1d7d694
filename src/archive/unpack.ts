import { type Entry, EntryType, type Frame } from './entry.ts';
import { forEachWithin } from './in-flight.ts';
import { FrameColumn, joinStrings, PieceColumn, type UnpackJob } from './jobs.ts';
import type { ObjectBytes, OpenArchive, ReadObject } from './open-archive.ts';
import { type FrameRun, frameStarts, planRanges } from './plan-ranges.ts';
import { createSparse, finishSparse } from './unpack-frames.ts';
import type { JobRunner } from './worker-pool.ts';

/** Compressed bytes that are being fetched, or wait for a worker, at any moment. */
const BYTES_IN_FLIGHT = 128 * 1024 * 1024;
/** Requests at the same moment. */
const READS_IN_FLIGHT = 8;
/** Empty files are written by workers too, this many in a job. */
const EMPTY_FILES_A_JOB = 2000;

export interface UnpackOptions {
  readonly archive: OpenArchive;
  readonly read: ReadObject;
  readonly runner: JobRunner;
  /** Where each entry is built; entries with '' are not built. */
  readonly staged: readonly string[];
  /** Requests at the same moment; default 8. */
  readonly readsInFlight?: number;
  readonly rangeBytes?: number;
}

/**
 * Fetches the frames that hold data of staged files and writes those files. Every frame is checked before it is opened.
 * Returns the bytes of file data written. Throws the archive's errors and whatever `read` throws; when it throws, no
 * job is being worked on any more only after the runner is closed.
 */
export async function unpack(options: UnpackOptions): Promise<number> {
  const { archive, runner, staged } = options;
  const { frames, entries } = archive.manifest;
  const files = new FilesByFrame(frames, entries, staged);
  const runs = planRanges(frames, frame => files.has(frame), options.rangeBytes);
  const starts = frameStarts(frames);
  const sliced = new SlicedFiles(entries, staged, files);

  const writeRun = async (run: FrameRun): Promise<number> => {
    const bytes = fromTail(run, archive.tail) ?? (await options.read(run.start, run.end));
    const { written } = await runner.run(unpackJob(run, bytes, frames, starts, files));
    sliced.finished(run.frames);
    return written;
  };

  let total = 0;
  const emptyFiles = writeEmptyFiles(entries, staged, runner);
  emptyFiles.catch(() => {});
  await forEachWithin(
    runs,
    {
      limit: Math.max(options.readsInFlight ?? READS_IN_FLIGHT, runner.width),
      budget: BYTES_IN_FLIGHT,
      weigh: run => run.end - run.start,
    },
    async run => {
      const written = await writeRun(run);
      total += written;
    },
  );
  await emptyFiles;
  return total;
}

function fromTail(run: FrameRun, tail: ObjectBytes): Uint8Array<ArrayBuffer> | undefined {
  if (run.start < tail.start) return undefined;
  return tail.bytes.slice(run.start - tail.start, run.end - tail.start);
}

/** One file's share of one frame. */
interface Piece {
  readonly entry: number;
  readonly offset: number;
  readonly size: number;
  /** Offset in the file. */
  readonly position: number;
  /** The file goes over several frames. */
  readonly partial: boolean;
}

/** Which staged files have data in which frame. */
class FilesByFrame {
  readonly #pieces: (Piece[] | undefined)[];
  readonly #entries: readonly Entry[];
  readonly #staged: readonly string[];

  constructor(frames: readonly Frame[], entries: readonly Entry[], staged: readonly string[]) {
    this.#pieces = new Array(frames.length);
    this.#entries = entries;
    this.#staged = staged;
    entries.forEach((entry, index) => {
      if (entry.size > 0 && staged[index] !== '') this.#place(entry, index, frames);
    });
  }

  has(frame: number): boolean {
    return this.#pieces[frame] !== undefined;
  }

  of(frame: number): readonly Piece[] {
    return this.#pieces[frame] ?? [];
  }

  path(piece: Piece): string {
    return this.#staged[piece.entry]!;
  }

  entry(piece: Piece): Entry {
    return this.#entries[piece.entry]!;
  }

  #place(entry: Entry, index: number, frames: readonly Frame[]): void {
    let { frame, offset } = entry;
    const partial = offset + entry.size > frames[frame]!.rawSize;
    for (let position = 0; position < entry.size; ) {
      const size = Math.min(entry.size - position, frames[frame]!.rawSize - offset);
      this.#pieces[frame] ??= [];
      this.#pieces[frame]!.push({ entry: index, offset, size, position, partial });
      position += size;
      frame++;
      offset = 0;
    }
  }
}

/** Files over several frames: created before the first slice, finished after the last. */
class SlicedFiles {
  readonly #left = new Map<number, number>();
  readonly #entries: readonly Entry[];
  readonly #staged: readonly string[];
  readonly #files: FilesByFrame;

  constructor(entries: readonly Entry[], staged: readonly string[], files: FilesByFrame) {
    this.#entries = entries;
    this.#staged = staged;
    this.#files = files;
    entries.forEach((entry, index) => {
      if (entry.size === 0 || staged[index] === '') return;
      if (!files.of(entry.frame).find(piece => piece.entry === index)?.partial) return;
      createSparse(staged[index]!, entry.size);
      this.#left.set(index, entry.size);
    });
  }

  finished(frames: readonly number[]): void {
    for (const frame of frames) {
      for (const { entry, size, partial } of this.#files.of(frame)) {
        if (!partial) continue;
        const left = this.#left.get(entry)! - size;
        this.#left.set(entry, left);
        if (left === 0) finishSparse(this.#staged[entry]!, this.#entries[entry]!);
      }
    }
  }
}

function unpackJob(
  run: FrameRun,
  bytes: Uint8Array<ArrayBuffer>,
  frames: readonly Frame[],
  starts: Float64Array,
  files: FilesByFrame,
): UnpackJob {
  const columns = new Float64Array(run.frames.length * FrameColumn.width);
  const hashes = new Uint8Array(run.frames.length * 32);
  const pieces = run.frames.flatMap((frame, index) => files.of(frame).map(piece => ({ piece, index })));
  const numbers = new Float64Array(pieces.length * PieceColumn.width);
  run.frames.forEach((frame, index) => {
    const row = index * FrameColumn.width;
    columns[row + FrameColumn.start] = starts[frame]! - run.start;
    columns[row + FrameColumn.size] = frames[frame]!.size;
    columns[row + FrameColumn.rawSize] = frames[frame]!.rawSize;
    hashes.set(frames[frame]!.sha256, index * 32);
  });
  pieces.forEach(({ piece, index }, row) => {
    writePiece(numbers, row, index, piece, files.entry(piece));
  });
  const paths = joinStrings(pieces.map(({ piece }) => files.path(piece)));
  return { kind: 'unpack', bytes, frames: columns, hashes, pieces: numbers, paths };
}

function writePiece(
  numbers: Float64Array,
  index: number,
  frame: number,
  piece: Pick<Piece, 'offset' | 'size' | 'position' | 'partial'>,
  entry: Entry,
): void {
  const row = index * PieceColumn.width;
  numbers[row + PieceColumn.frame] = frame;
  numbers[row + PieceColumn.offset] = piece.offset;
  numbers[row + PieceColumn.size] = piece.size;
  numbers[row + PieceColumn.position] = piece.position;
  numbers[row + PieceColumn.partial] = piece.partial ? 1 : 0;
  numbers[row + PieceColumn.mode] = entry.mode;
  numbers[row + PieceColumn.mtimeUs] = entry.mtimeUs;
  numbers[row + PieceColumn.uid] = entry.uid;
  numbers[row + PieceColumn.gid] = entry.gid;
}

const NO_DATA = { offset: 0, size: 0, position: 0, partial: false };

async function writeEmptyFiles(
  entries: readonly Entry[],
  staged: readonly string[],
  runner: JobRunner,
): Promise<void> {
  const empty = entries.flatMap(({ type, size }, index) =>
    type === EntryType.file && size === 0 && staged[index] !== '' ? [index] : [],
  );
  const jobs: Promise<unknown>[] = [];
  for (let start = 0; start < empty.length; start += EMPTY_FILES_A_JOB) {
    const batch = empty.slice(start, start + EMPTY_FILES_A_JOB);
    const numbers = new Float64Array(batch.length * PieceColumn.width);
    batch.forEach((entry, row) => {
      writePiece(numbers, row, 0, NO_DATA, entries[entry]!);
    });
    const paths = joinStrings(batch.map(entry => staged[entry]!));
    jobs.push(
      runner.run({
        kind: 'unpack',
        bytes: new Uint8Array(0),
        frames: new Float64Array(0),
        hashes: new Uint8Array(0),
        pieces: numbers,
        paths,
      }),
    );
  }
  await Promise.all(jobs);
}
