import { type Entry, EntryType } from '../format/entry.ts';
import type { ObjectBytes, OpenArchive } from '../format/open-archive.ts';
import type { RefusedAttributes } from '../fs/refused-attributes.ts';
import { trimHeap } from '../memory/trim-heap.ts';
import {
  type DiskUse,
  EMPTY_PIECE,
  type UnpackJob,
  UnpackJobWriter,
  type UnpackResult,
  type WantedFacts,
} from '../messages/unpack-job.ts';
import { allOrFirstError, forEachWithin } from '../pool/in-flight.ts';
import type { JobRunner, WorkerBuffer } from '../pool/worker-pool.ts';
import type { StagedFiles } from '../publish/plan/target-plan.ts';
import { takeTurn } from '../turns.ts';
import { type DiskOptions, unpackWithDisk } from './disk-frames.ts';
import { FrameContents } from './frame-contents.ts';
import { type FrameRun, groupFrames } from './frame-runs.ts';
import type { RestoredFacts } from './restored-facts.ts';
import { SlicedFiles } from './sliced-files.ts';

/** Compressed bytes that are being fetched or wait for a worker. */
const FETCHED_BYTES_IN_FLIGHT = 128 * 1024 * 1024;
/** Concurrent requests. */
const FETCHES_IN_FLIGHT = 6;
/** Concurrent requests of a worker that fetches by itself: it fills one range while it works on another. */
const FETCHES_A_WORKER = 2;
/** Empty files that a worker creates in one job. */
const EMPTY_FILES_A_JOB = 2000;
const NO_FACTS: WantedFacts = { status: false, contentKey: undefined };

/** Reads bytes `start` to `end` of the object until the signal is aborted. */
export type ReadRange = (start: number, end: number, signal: AbortSignal) => Promise<Uint8Array<ArrayBuffer>>;

/** Lets a worker read bytes `start` to `end` of the object into a buffer of its own until the signal is aborted. */
export type ReadInWorker = (
  start: number,
  end: number,
  buffer: WorkerBuffer,
  signal: AbortSignal,
) => Promise<void>;

interface UnpackOptions {
  readonly archive: OpenArchive;
  readonly read: ReadRange;
  /** Takes the place of `read` for runners with threads. Undefined if only this thread can read. */
  readonly readInWorker?: ReadInWorker | undefined;
  readonly runner: JobRunner;
  /** Undefined if all frames come from the object. */
  readonly disk?: DiskOptions | undefined;
  /** Returns whether an entry is restored. */
  readonly isWanted: (entry: number) => boolean;
  /** Counts what the system refuses to keep. */
  readonly refused: RefusedAttributes;
  /** Collects facts about the files, if a save may follow. */
  readonly facts?: RestoredFacts | undefined;
  /** Staging paths. A promise, because the first requests are sent before the directories are made. */
  readonly staged: Promise<StagedFiles>;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Fetches the frames that hold data of wanted files and writes those files. Every frame is checked before it is
 * opened. Returns the bytes of file data written.
 * Throws `DamagedArchiveError`, `StagedFileError`, the signal's reason and the errors of `read` and `staged`, after it has
 * aborted the other reads. Jobs may still run until the runner is closed.
 */
export async function unpack(options: UnpackOptions): Promise<number> {
  const { archive, runner, refused, facts, isWanted } = options;
  const { frames, entries } = archive.manifest;
  const contents = new FrameContents(frames, entries, isWanted);
  const failure = new AbortController();
  const onFailure = (error: unknown) => failure.abort(error);
  const ready = options.staged.then(async staged => {
    const sliced = new SlicedFiles(entries, staged.paths, contents, refused);
    await sliced.create(options.signal);
    await writeEmptyFiles(entries, staged, options);
    return { staged, sliced };
  });
  // It is awaited below too, but only after a read
  ready.catch(onFailure);

  let total = 0;
  const unpackRun = async (run: FrameRun, source: RunSource, disk?: DiskUse) => {
    const { staged, sliced } = await ready;
    const worker = source.kind === 'worker' ? source.buffer : runner;
    const bytes = source.kind === 'memory' ? source.bytes : new Uint8Array(0);
    const result = await worker.run(jobOf(run, bytes, contents, staged, options, disk));
    facts?.addFrames(run.frames, contents, archive.manifest, result);
    sliced.addWritten(run.frames.filter((_, index) => !result.missing.includes(index)));
    refused.add(result.refused);
    trimHeap();
    total += result.written;
    return result;
  };
  const fetch = async (run: FrameRun, disk?: DiskUse): Promise<UnpackResult> =>
    unpackRun(run, await fetchRun(run, options, failure.signal), disk);
  const limits = {
    limit: Math.max(FETCHES_IN_FLIGHT, (options.readInWorker ? FETCHES_A_WORKER : 1) * runner.width),
    budget: FETCHED_BYTES_IN_FLIGHT,
    weigh: (run: FrameRun) => run.end - run.start,
    onFailure,
  };
  const fetchAll = (runs: readonly FrameRun[]) =>
    forEachWithin(runs, limits, async run => {
      await fetch(run);
    });
  if (options.disk) {
    const read = (run: FrameRun, disk: DiskUse) => unpackRun(run, { kind: 'disk' }, disk);
    // The tail has come with the manifest
    const inTail = (start: number) => start >= archive.tail.start;
    const { cache, onBegun, signal } = options.disk;
    // Reads end before the pool is closed (restore-archive.ts)
    const onHang = () => onFailure(cache.hangs.reason);
    cache.hangs.addEventListener('abort', onHang);
    await allOrFirstError([
      fetchAll(groupFrames(frames, (frame, start) => contents.has(frame) && inTail(start))),
      unpackWithDisk(
        frames,
        (frame, start) => contents.has(frame) && !inTail(start),
        { fetch, read, limits, width: runner.width },
        { cache, onBegun, signal: AbortSignal.any([failure.signal, ...(signal ? [signal] : [])]) },
      ),
    ]).finally(() => cache.hangs.removeEventListener('abort', onHang));
  } else {
    await fetchAll(groupFrames(frames, frame => contents.has(frame)));
  }
  await ready;
  return total;
}

/** Where the compressed bytes of a run are: in this thread, in a buffer of one worker, or in the disk cache. */
type RunSource =
  | { readonly kind: 'memory'; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: 'worker'; readonly buffer: WorkerBuffer }
  | { readonly kind: 'disk' };

async function fetchRun(
  run: FrameRun,
  { archive, runner, read, readInWorker }: UnpackOptions,
  signal: AbortSignal,
): Promise<RunSource> {
  const inTail = fromTail(run, archive.tail);
  if (inTail) return { kind: 'memory', bytes: inTail };
  const buffer = readInWorker && runner.reserve?.(run.end - run.start);
  if (!buffer) return { kind: 'memory', bytes: await read(run.start, run.end, signal) };
  await readInWorker(run.start, run.end, buffer, signal);
  return { kind: 'worker', buffer };
}

function fromTail(run: FrameRun, tail: ObjectBytes): Uint8Array<ArrayBuffer> | undefined {
  if (run.start < tail.start) return undefined;
  return tail.bytes.slice(run.start - tail.start, run.end - tail.start);
}

/** Writes the job for the bytes of `run`. */
function jobOf(
  run: FrameRun,
  bytes: Uint8Array<ArrayBuffer>,
  contents: FrameContents,
  { paths, masksModes }: StagedFiles,
  { archive, facts }: UnpackOptions,
  disk: DiskUse | undefined,
): UnpackJob {
  const { frames, entries } = archive.manifest;
  const job = new UnpackJobWriter(run.frames.length, contents.countPieces(run.frames));
  run.frames.forEach((index, frame) => {
    job.addFrame(run.starts[frame]! - run.start, frames[index]!);
    for (const entry of contents.whole(index)) {
      const { offset, size } = entries[entry]!;
      job.addPiece({ frame, offset, size, position: 0, partial: false }, entries[entry]!, paths.at(entry));
    }
    for (const { entry, offset, size, position } of contents.slices(index)) {
      job.addPiece({ frame, offset, size, position, partial: true }, entries[entry]!, paths.at(entry));
    }
  });
  return job.finish(bytes, { masksModes, wants: facts?.wants ?? NO_FACTS, disk });
}

async function writeEmptyFiles(
  entries: readonly Entry[],
  { paths, masksModes }: StagedFiles,
  { runner, refused, facts, signal, isWanted }: UnpackOptions,
): Promise<void> {
  const empty = entries.flatMap(({ type, size }, index) =>
    type === EntryType.file && size === 0 && isWanted(index) ? [index] : [],
  );
  const jobs: Promise<void>[] = [];
  for (let start = 0; start < empty.length; start += EMPTY_FILES_A_JOB) {
    const files = empty.slice(start, start + EMPTY_FILES_A_JOB);
    const job = new UnpackJobWriter(0, files.length);
    for (const entry of files) job.addPiece(EMPTY_PIECE, entries[entry]!, paths.at(entry));
    const created = runner.run(
      job.finish(new Uint8Array(0), { masksModes, wants: facts?.wants ?? NO_FACTS }),
    );
    const done = created.then(result => {
      facts?.addEmpty(files, result);
      refused.add(result.refused);
    });
    // It is awaited after all have been sent, and may fail before
    done.catch(() => {});
    jobs.push(done);
    // Without threads, the files are made here
    await takeTurn(signal);
  }
  await Promise.all(jobs);
}
