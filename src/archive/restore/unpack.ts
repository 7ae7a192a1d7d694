import { type Entry, EntryType, type Manifest } from '../format/entry.ts';
import type { ObjectBytes, OpenArchive, ReadObject } from '../format/open-archive.ts';
import { trimHeap } from '../memory/trim-heap.ts';
import { EMPTY_PIECE, type UnpackJob, UnpackJobWriter } from '../messages/unpack-job.ts';
import { forEachWithin } from '../pool/in-flight.ts';
import type { JobRunner } from '../pool/worker-pool.ts';
import type { StagedFiles } from '../publish/staged-paths.ts';
import { FrameContents } from './frame-contents.ts';
import { type FrameRun, groupFrames } from './frame-runs.ts';
import { SlicedFiles } from './sliced-files.ts';

/** Compressed bytes that are being fetched, or wait for a worker, at any moment. */
const BYTES_IN_FLIGHT = 128 * 1024 * 1024;
/** Requests at the same moment. */
const READS_IN_FLIGHT = 6;
/** Empty files are written by workers too, this many in a job. */
const EMPTY_FILES_A_JOB = 2000;

export interface UnpackOptions {
  readonly archive: OpenArchive;
  readonly read: ReadObject;
  readonly runner: JobRunner;
  /** Whether an entry is restored; default all. */
  readonly isWanted?: (entry: number) => boolean;
  /**
   * Where each entry is built. A promise, because the first bytes are on their way while the directories are made.
   */
  readonly staged: Promise<StagedFiles>;
  /** Called at once for a failure, before the rejection, which waits for the reads in flight: abort them here. */
  readonly onFailure?: (error: unknown) => void;
  /** Bytes a request aims at; default 8 MiB. */
  readonly rangeBytes?: number;
}

/**
 * Fetches the frames that hold data of wanted files and writes those files. Every frame is checked before it is
 * opened. Returns the bytes of file data written.
 * Throws the archive's errors and whatever `read` throws or `staged` rejects with; jobs may then still be worked on
 * until the runner is closed.
 */
export async function unpack(options: UnpackOptions): Promise<number> {
  const { archive, runner, isWanted = () => true } = options;
  const { frames, entries } = archive.manifest;
  const contents = new FrameContents(frames, entries, isWanted);
  const runs = groupFrames(frames, frame => contents.has(frame), options.rangeBytes);
  const ready = options.staged.then(async staged => {
    const sliced = new SlicedFiles(entries, staged.paths, contents);
    await writeEmptyFiles(entries, staged, isWanted, runner);
    return { staged, sliced };
  });
  // Observed below too; but no read that is under way needs to come to its end first
  ready.catch(error => options.onFailure?.(error));

  let total = 0;
  const limits = {
    limit: Math.max(READS_IN_FLIGHT, runner.width),
    budget: BYTES_IN_FLIGHT,
    weigh: (run: FrameRun) => run.end - run.start,
    onFailure: options.onFailure,
  };
  await forEachWithin(runs, limits, async run => {
    const bytes = fromTail(run, archive.tail) ?? (await options.read(run.start, run.end));
    const { staged, sliced } = await ready;
    const { written } = await runner.run(jobOf(run, bytes, archive.manifest, contents, staged));
    sliced.finished(run.frames);
    trimHeap();
    total += written;
  });
  await ready;
  return total;
}

function fromTail(run: FrameRun, tail: ObjectBytes): Uint8Array<ArrayBuffer> | undefined {
  if (run.start < tail.start) return undefined;
  return tail.bytes.slice(run.start - tail.start, run.end - tail.start);
}

/** Writes the job for the bytes of `run`. */
function jobOf(
  run: FrameRun,
  bytes: Uint8Array<ArrayBuffer>,
  { frames, entries }: Manifest,
  contents: FrameContents,
  { paths, masksModes }: StagedFiles,
): UnpackJob {
  const job = new UnpackJobWriter(run.frames.length, contents.countPieces(run.frames));
  run.frames.forEach((index, frame) => {
    job.addFrame(run.starts[frame]! - run.start, frames[index]!);
    for (const entry of contents.whole(index)) {
      const { offset, size } = entries[entry]!;
      job.addPiece({ frame, offset, size, position: 0, partial: false }, entries[entry]!, paths.at(entry)!);
    }
    for (const { entry, offset, size, position } of contents.slices(index)) {
      job.addPiece({ frame, offset, size, position, partial: true }, entries[entry]!, paths.at(entry)!);
    }
  });
  return job.finish(bytes, masksModes);
}

async function writeEmptyFiles(
  entries: readonly Entry[],
  { paths, masksModes }: StagedFiles,
  isWanted: (entry: number) => boolean,
  runner: JobRunner,
): Promise<void> {
  const empty = entries.flatMap(({ type, size }, index) =>
    type === EntryType.file && size === 0 && isWanted(index) ? [index] : [],
  );
  const jobs: Promise<unknown>[] = [];
  for (let start = 0; start < empty.length; start += EMPTY_FILES_A_JOB) {
    const files = empty.slice(start, start + EMPTY_FILES_A_JOB);
    const job = new UnpackJobWriter(0, files.length);
    for (const entry of files) job.addPiece(EMPTY_PIECE, entries[entry]!, paths.at(entry)!);
    jobs.push(runner.run(job.finish(new Uint8Array(0), masksModes)));
  }
  await Promise.all(jobs);
}
