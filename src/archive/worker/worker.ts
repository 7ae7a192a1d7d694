/**
 * This folder runs in worker threads: it reads, compresses and writes files. This module serves the main thread: it runs one
 * job after the other and returns the result or the failure of each. Fetches run beside the jobs and fill buffers for them.
 */

import { setImmediate } from 'node:timers/promises';
import type { MessagePort } from 'node:worker_threads';
import { evict } from '../disk-cache/eviction.ts';
import { findFrames } from '../disk-cache/opened-directory.ts';
import { type ContentHasher, hasherOf } from '../format/content-hashes.ts';
import { release } from '../memory/buffers.ts';
import type { Fetcher, FetchMessage } from '../messages/fetch.ts';
import { encodeFailure, type Job, type JobMessage, type JobOutcome, type ResultOf } from '../messages/job.ts';
import type { Report } from '../messages/report.ts';
import type { JobRunner } from '../pool/worker-pool.ts';
import { buildDirectories } from './build-directories.ts';
import { compareContent } from './compare-content.ts';
import { compareEntries } from './compare-entries.ts';
import { Fetches } from './fetches.ts';
import { listDirectories } from './list-directories.ts';
import { packFrame } from './pack-frame.ts';
import { unpackFrames } from './unpack-frames.ts';

/** Runs jobs on this thread, for archives that take less time than the start of a worker (30 ms), and on a crowded host. */
export class InlineRunner implements JobRunner {
  readonly width = 1;
  /** Bytes of tar for one job, during which no signal is handled. All in files of 512 bytes, they take 0.25 CPU seconds. */
  readonly maxRawBytes = 8 * 1024 * 1024;

  #turn: Promise<void> = Promise.resolve();
  #isClosed = false;

  /** Runs a job after a turn of the event loop: the next one may be ready when a job ends. */
  async run<J extends Job>(job: J): Promise<ResultOf<J>> {
    const hasher = await hasherFor(job);
    this.#turn = this.#turn.then(() => setImmediate());
    await this.#turn;
    if (this.#isClosed) throw new Error('the runner is closed');
    return runAndRelease(job, hasher) as ResultOf<J>;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
  }
}

/** Serves the main thread at the other end of `port`. */
export function serveJobs(port: MessagePort, fetcher: Fetcher): void {
  const fetches = new Fetches(fetcher, report => port.postMessage(report));
  port.on('message', async (message: JobMessage | FetchMessage) => {
    if (!('job' in message)) return void fetches.run(message);
    const [answer, transferred] = await outcomeOf(message, fetches);
    port.postMessage({ id: message.id, end: { answer } } satisfies Report<JobOutcome>, transferred);
  });
}

async function outcomeOf(
  { job, buffer }: JobMessage,
  fetches: Fetches,
): Promise<[JobOutcome, ArrayBuffer[]]> {
  try {
    const hasher = await hasherFor(job);
    const result =
      buffer === undefined
        ? runAndRelease(job, hasher)
        : fetches.use(buffer, bytes => runJob({ ...job, bytes } as typeof job, hasher));
    return [{ result }, 'bytes' in result ? [result.bytes.buffer] : []];
  } catch (error) {
    return [{ failure: encodeFailure(error as NodeJS.ErrnoException) }, []];
  }
}

/** Runs a job, and frees the memory of its bytes, if it has any. Throws as `runJob` does. */
function runAndRelease(job: Job, hasher: ContentHasher | undefined): ResultOf<Job> {
  try {
    return runJob(job, hasher);
  } finally {
    if ('bytes' in job) release(job.bytes);
  }
}

/** Returns the hasher of a job, or undefined if the job hashes no contents. */
async function hasherFor(job: Job): Promise<ContentHasher | undefined> {
  if (job.kind === 'content') return hasherOf(job.key);
  const key = job.kind === 'unpack' ? job.wants?.contentKey : undefined;
  return key && hasherOf(key);
}

/** Runs a job on this thread. Throws `DamagedArchiveError`, `SourceTreeError` or `StagedFileError`. */
function runJob(job: Job, hasher: ContentHasher | undefined): ResultOf<Job> {
  switch (job.kind) {
    case 'pack':
      return packFrame(job);
    case 'unpack':
      return unpackFrames(job, hasher);
    case 'compare':
      return compareEntries(job);
    case 'content':
      return compareContent(job, hasher!);
    case 'directories':
      return buildDirectories(job);
    case 'list':
      return listDirectories(job);
    case 'find':
      return findFrames(job);
    case 'evict':
      return evict(job);
  }
}
