import { anySignal } from '../../retry/signals.ts';
import type { OpenArchive } from '../format/open-archive.ts';
import type { RefusedAttributes } from '../fs/refused-attributes.ts';
import { trimHeap } from '../memory/heap.ts';
import { type DiskUse, EMPTY_PIECE, UnpackJobWriter, type UnpackResult } from '../messages/unpack-job.ts';
import { awaitAll, forEachAtOnce, forEachWithin, type Limits } from '../pool/in-flight.ts';
import type { JobRunner, WorkerBuffer } from '../pool/worker-pool.ts';
import type { StagedFiles } from '../publish/plan/target-plan.ts';
import { type DiskOptions, unpackWithDisk } from './disk-frames.ts';
import { FrameContents, type WantedPiece } from './frame-contents.ts';
import { type FrameRun, groupFrames } from './frame-runs.ts';
import type { RestoredFacts } from './restored-facts.ts';
import { SlicedFiles } from './sliced-files.ts';

/** Maximum number of compressed bytes that are being fetched or wait for a worker. */
const FETCHED_BYTES_IN_FLIGHT = 128 * 1024 * 1024;
/** Smallest limit of requests at the same time. */
const FETCHES_IN_FLIGHT = 6;
/** Requests at the same time for each worker that fetches: it receives one range while it unpacks another. */
const FETCHES_A_WORKER = 2;
/** Empty files that a worker creates in one job. */
const EMPTY_FILES_A_JOB = 2000;

/** Reads bytes `start` to `end` of the object until the signal is aborted. */
export type RangeRead = (start: number, end: number, signal: AbortSignal) => Promise<Uint8Array<ArrayBuffer>>;

/** Reads bytes `start` to `end` of the object in a worker, into its `buffer`, until the signal is aborted. */
export type WorkerRangeRead = (
  start: number,
  end: number,
  buffer: WorkerBuffer,
  signal: AbortSignal,
) => Promise<void>;

export interface UnpackOptions {
  readonly archive: OpenArchive;
  readonly read: RangeRead;
  /** Replaces `read` for a runner that has workers. Undefined if only this thread can read. */
  readonly readInWorker?: WorkerRangeRead | undefined;
  readonly runner: JobRunner;
  /** Disk cache of the restore. Undefined if all frames are read from the object. */
  readonly disk?: DiskOptions | undefined;
  /** Returns whether an entry is restored. */
  readonly isWanted: (entry: number) => boolean;
  /** Counts of attributes that the system refuses to set. */
  readonly refused: RefusedAttributes;
  /** Collector of facts about the files, if a save may follow. */
  readonly facts?: RestoredFacts | undefined;
  /** Receives the number of bytes to read from the object, once and before the first read. With a disk cache it is an upper bound. */
  readonly onPlanned?: ((bytes: number) => void) | undefined;
  /** Promise of the files in staging, because the first requests are sent before the directories are made. */
  readonly staged: Promise<StagedFiles>;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Fetches the frames that have data of wanted files, and writes these files. Checks each frame before it is decompressed.
 * Returns the bytes of file data written.
 * Throws `DamagedArchiveError`, `StagedFileError`, the signal's reason and the errors of `read` and `staged`, after it has
 * aborted the other reads. Jobs may still run until the runner is closed.
 */
export function unpack(options: UnpackOptions): Promise<number> {
  return new Unpacker(options).run();
}

/** The compressed bytes of a run, and the runner that unpacks them. Empty if they are in a worker's buffer or in the disk cache. */
interface FetchedRun {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly runner: Pick<JobRunner, 'run'>;
}

/** The files in several frames, and all files in staging. */
interface PreparedFiles {
  readonly staged: StagedFiles;
  readonly sliced: SlicedFiles;
}

class Unpacker {
  readonly #options: UnpackOptions;
  readonly #contents: FrameContents;
  readonly #limits: Limits<FrameRun>;
  readonly #failure = new AbortController();
  readonly #prepared: Promise<PreparedFiles>;
  #written = 0;

  constructor(options: UnpackOptions) {
    this.#options = options;
    const { runner, readInWorker, archive, isWanted } = options;
    this.#contents = new FrameContents(archive.manifest, isWanted);
    const onFailure = (error: unknown) => this.#failure.abort(error);
    this.#limits = {
      limit: Math.max(FETCHES_IN_FLIGHT, (readInWorker ? FETCHES_A_WORKER : 1) * runner.width),
      budget: FETCHED_BYTES_IN_FLIGHT,
      weigh: run => run.end - run.start,
      onFailure,
    };
    this.#prepared = this.#prepare();
    // It is awaited below too, but only after a read
    this.#prepared.catch(onFailure);
  }

  async run(): Promise<number> {
    const { disk, onPlanned } = this.#options;
    onPlanned?.(this.#bytesToRead());
    await (disk ? this.#fetchAroundDisk(disk) : this.#fetchFrom(0));
    await this.#prepared;
    return this.#written;
  }

  /** Returns the bytes of the wanted frames that are not in the tail, and of the gaps that are read with them. */
  #bytesToRead(): number {
    const { tail } = this.#options.archive;
    return this.#runsFrom(0).reduce((sum, { start, end }) => sum + (start < tail.start ? end - start : 0), 0);
  }

  /** Makes the files that need no frame. */
  async #prepare(): Promise<PreparedFiles> {
    const { archive, refused, signal } = this.#options;
    const staged = await this.#options.staged;
    const sliced = new SlicedFiles(archive.manifest.entries, staged.paths, refused);
    await sliced.create(this.#contents.sliced, signal);
    await this.#writeEmptyFiles(staged);
    return { staged, sliced };
  }

  /** Fetches and unpacks the wanted frames from the index `first` on. */
  async #fetchFrom(first: number): Promise<void> {
    await forEachWithin(this.#runsFrom(first), this.#limits, async run => void (await this.#fetch(run)));
  }

  #runsFrom(first: number): FrameRun[] {
    const { archive, runner } = this.#options;
    const isWanted = (frame: number) => frame >= first && this.#contents.has(frame);
    return groupFrames(archive.manifest.frames, isWanted, runner.maxRawBytes);
  }

  /** Unpacks the tail, which was read with the manifest, and meanwhile the other frames from the disk cache or the object. */
  async #fetchAroundDisk(disk: DiskOptions): Promise<void> {
    const { archive, runner, signal } = this.#options;
    const { frames } = archive.manifest;
    const { hangs } = disk.cache;
    /** Index of the first frame that is in the tail. */
    let inTail = 0;
    for (let start = 0; inTail < frames.length && start < archive.tail.start; inTail++)
      start += frames[inTail]!.size;
    const others = [...frames.keys()].filter(frame => frame < inTail && this.#contents.has(frame));
    const unpacker = {
      fetch: (run: FrameRun, use: DiskUse) => this.#fetch(run, use),
      read: (run: FrameRun, use: DiskUse) => this.#unpack(run, { bytes: new Uint8Array(0), runner }, use),
      limits: this.#limits,
      runner,
    };
    // Reads end before the pool is closed (restore-archive.ts)
    const onHang = () => this.#failure.abort(hangs.reason);
    hangs.addEventListener('abort', onHang);
    await awaitAll([
      this.#fetchFrom(inTail),
      unpackWithDisk(frames, others, unpacker, disk, anySignal(this.#failure.signal, signal)),
    ]).finally(() => hangs.removeEventListener('abort', onHang));
  }

  async #fetch(run: FrameRun, disk?: DiskUse): Promise<UnpackResult> {
    return this.#unpack(run, await this.#read(run), disk);
  }

  async #read({ start, end }: FrameRun): Promise<FetchedRun> {
    const { archive, runner, read, readInWorker } = this.#options;
    const { tail } = archive;
    if (start >= tail.start) return { bytes: tail.bytes.slice(start - tail.start, end - tail.start), runner };
    const buffer = readInWorker && runner.reserve?.(end - start);
    if (!buffer) return { bytes: await read(start, end, this.#failure.signal), runner };
    await readInWorker(start, end, buffer, this.#failure.signal);
    return { bytes: new Uint8Array(0), runner: buffer };
  }

  /** Writes the files of a run in a worker. */
  async #unpack(run: FrameRun, fetched: FetchedRun, disk: DiskUse | undefined): Promise<UnpackResult> {
    const { frames } = this.#options.archive.manifest;
    const { staged, sliced } = await this.#prepared;
    const pieces = () => this.#contents.pieces(run.frames);
    const job = new UnpackJobWriter(this.#contents.count(run.frames));
    run.frames.forEach((frame, at) => void job.addFrame(run.starts[at]! - run.start, frames[frame]!));
    const result = await this.#write(job, pieces, staged, fetched, disk);
    if (this.#contents.sliced.length > 0) {
      for (const piece of pieces())
        if (piece.isSlice && !result.missing.includes(piece.frame)) sliced.addWritten(piece);
    }
    trimHeap();
    return result;
  }

  async #writeEmptyFiles(staged: StagedFiles): Promise<void> {
    const { runner, signal } = this.#options;
    await forEachAtOnce(chunksOf(this.#contents.empty, EMPTY_FILES_A_JOB), signal, async files => {
      const pieces = files.map(entry => ({ ...EMPTY_PIECE, entry, number: 0 }));
      const job = new UnpackJobWriter(pieces.length);
      await this.#write(job, () => pieces, staged, { bytes: new Uint8Array(0), runner });
    });
  }

  /** Adds pieces to a job, runs it, and adds up its result. Calls `pieces` twice, because to keep them takes more memory. */
  async #write(
    job: UnpackJobWriter,
    pieces: () => Iterable<WantedPiece>,
    { paths, masksModes }: StagedFiles,
    { bytes, runner }: FetchedRun,
    disk?: DiskUse,
  ): Promise<UnpackResult> {
    const { archive, facts, refused } = this.#options;
    const { entries } = archive.manifest;
    for (const piece of pieces()) job.addPiece(piece, entries[piece.entry]!, paths.at(piece.entry));
    const wants = facts && { contentKey: facts.contents?.key };
    const result = await runner.run(job.finish(bytes, { masksModes, wants, disk }));
    facts?.add(pieces(), result);
    refused.add(result.refused);
    this.#written += result.written;
    return result;
  }
}

function* chunksOf<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  for (let start = 0; start < items.length; start += size) yield items.slice(start, start + size);
}
