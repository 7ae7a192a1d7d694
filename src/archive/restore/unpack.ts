import { type Entry, EntryType } from '../format/entry.ts';
import type { ObjectBytes, OpenArchive, ReadObject } from '../format/open-archive.ts';
import type { StagedPaths } from '../publish/staged-paths.ts';
import { FrameContents } from '../threads/frame-contents.ts';
import { forEachWithin } from '../threads/in-flight.ts';
import { trimHeap } from '../threads/memory.ts';
import { emptyFilesJob, type StagedFiles, unpackJob } from '../threads/unpack-job.ts';
import type { JobRunner } from '../threads/worker-pool.ts';
import { createSparse, finishSparse } from '../worker/staged-file.ts';
import { type FrameRun, planRanges } from './plan-ranges.ts';

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
  const runs = planRanges(frames, frame => contents.has(frame), options.rangeBytes);
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
    const { written } = await runner.run(unpackJob(run, bytes, archive.manifest, contents, staged));
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

/** Files over several frames: created before the first slice, finished after the last. */
class SlicedFiles {
  /** Bytes that are still to come, by entry. */
  readonly #left = new Map<number, number>();
  readonly #entries: readonly Entry[];
  readonly #staged: StagedPaths;
  readonly #contents: FrameContents;

  constructor(entries: readonly Entry[], staged: StagedPaths, contents: FrameContents) {
    this.#entries = entries;
    this.#staged = staged;
    this.#contents = contents;
    for (const index of contents.sliced) {
      createSparse(staged.at(index)!, entries[index]!.size);
      this.#left.set(index, entries[index]!.size);
    }
  }

  finished(frames: readonly number[]): void {
    for (const { entry, size } of frames.flatMap(frame => this.#contents.slices(frame))) {
      const left = this.#left.get(entry)! - size;
      this.#left.set(entry, left);
      if (left === 0) finishSparse(this.#staged.at(entry)!, this.#entries[entry]!);
    }
  }
}

async function writeEmptyFiles(
  entries: readonly Entry[],
  staged: StagedFiles,
  isWanted: (entry: number) => boolean,
  runner: JobRunner,
): Promise<void> {
  const empty = entries.flatMap(({ type, size }, index) =>
    type === EntryType.file && size === 0 && isWanted(index) ? [index] : [],
  );
  const jobs: Promise<unknown>[] = [];
  for (let start = 0; start < empty.length; start += EMPTY_FILES_A_JOB) {
    jobs.push(runner.run(emptyFilesJob(empty.slice(start, start + EMPTY_FILES_A_JOB), entries, staged)));
  }
  await Promise.all(jobs);
}
