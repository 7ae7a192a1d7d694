/** This folder runs on the main thread: it hands jobs to worker threads and bounds the work in flight. */

import { exposeCollector } from '../memory/heap.ts';
import type { FetchMessage } from '../messages/fetch.ts';
import { decodeFailure, type Job, type JobMessage, type JobOutcome, type ResultOf } from '../messages/job.ts';
import { type Thread, Threads } from './threads.ts';

/** Runs jobs, on this thread or in workers. */
export interface JobRunner {
  /** Number of jobs that it can run at the same moment. */
  readonly width: number;
  /** Bytes of tar that one job should unpack at most. Default: no limit. */
  readonly maxRawBytes?: number;
  /** Runs a job. Takes ownership of its `bytes`. Rejects with the archive's errors. */
  run<J extends Job>(job: J): Promise<ResultOf<J>>;
  /** Starts its threads, if it has any, before the first job. */
  start?(): void;
  /** Reserves a buffer of `length` bytes in the memory of one of its threads, if it has any. Throws when it is closed. */
  reserve?(length: number): WorkerBuffer;
  /** Rejects all jobs at once. Gives the running ones a moment to end, and then ends the threads. */
  close(): Promise<void>;
}

/** A buffer in the memory of one worker. Fetches fill it, and one job uses it up. */
export interface WorkerBuffer {
  /** Whether the worker is running a job: until it ends, the worker reads nothing that arrives. */
  isWorkerBusy(): boolean;
  /**
   * Fetches bytes into the buffer from offset `at` on. Calls `onBytes` with the number of bytes of each piece. Resolves with
   * the fetcher's answer. Rejects when the pool fails or is closed.
   */
  fetch(ticket: unknown, at: number, onBytes: (count: number) => void): Promise<unknown>;
  /** Runs a job with the bytes of the buffer as its `bytes`. */
  run<J extends Job>(job: J): Promise<ResultOf<J>>;
}

interface Waiting {
  readonly job: Job;
  readonly resolve: (result: ResultOf<Job>) => void;
  readonly reject: (error: Error) => void;
}

type PoolMessage = JobMessage | FetchMessage;

interface PoolThread extends Thread<PoolMessage> {
  /** Jobs that it has not finished. */
  jobs: number;
  /** Buffers that are reserved in it. */
  buffers: number;
}

/** Jobs that a worker has at a time: the running one and the next one, so that it never waits for the main thread. */
const JOBS_A_WORKER = 2;

/**
 * Limit of the memory for the objects of one job. By default V8 takes 48 MB for them in each worker, and keeps the memory when
 * later jobs make few objects (ADR 0011).
 */
const WORKER_LIMITS = { maxYoungGenerationSizeMb: 16 };

/** Runs jobs in up to `width` worker threads, which it starts when jobs arrive. */
export class WorkerPool implements JobRunner {
  readonly width: number;
  readonly #threads: Threads<PoolMessage>;
  readonly #members: PoolThread[] = [];
  readonly #queue: Waiting[] = [];
  #lastBuffer = 0;

  /** Makes a pool of workers that run `program` (`threadProgram`) with `fetcherSettings` as their `workerData`. */
  constructor(program: URL, width: number, fetcherSettings?: unknown) {
    // Before any thread: on a crowded host the sending threads of a save start long before its workers
    exposeCollector();
    this.width = width;
    this.#threads = new Threads({
      program,
      settings: fetcherSettings,
      limits: WORKER_LIMITS,
      name: 'a worker thread',
      onEnd: reason => {
        for (const { reject } of this.#queue.splice(0)) reject(reason);
      },
    });
  }

  run<J extends Job>(job: J): Promise<ResultOf<J>> {
    return new Promise((resolve, reject) => {
      if (this.#threads.failure) return reject(this.#threads.failure);
      // The result of a job is of the job's kind
      this.#queue.push({ job, resolve: resolve as Waiting['resolve'], reject });
      this.#dispatch();
    });
  }

  start(): void {
    while (this.#members.length < this.width) this.#start();
  }

  reserve(length: number): WorkerBuffer {
    if (this.#threads.failure) throw this.#threads.failure;
    const thread = this.#pickForBuffer();
    const buffer = ++this.#lastBuffer;
    thread.buffers++;
    return {
      isWorkerBusy: () => thread.jobs > 0,
      fetch: (ticket, at, onBytes) => thread.request(id => ({ id, buffer, length, at, ticket }), { onBytes }),
      run: job =>
        this.#runIn(thread, job, buffer).finally(() => {
          thread.buffers--;
        }),
    };
  }

  close(): Promise<void> {
    return this.#threads.close('the worker pool is closed');
  }

  #dispatch(): void {
    while (this.#queue.length > 0) {
      const thread = this.#pickForJob();
      const waiting = thread && this.#queue.shift();
      // A thread that cannot be started empties the queue
      if (!waiting) return;
      void this.#runIn(thread, waiting.job).then(waiting.resolve, waiting.reject);
    }
  }

  /** Sends a job to a thread, which runs it after its other jobs. */
  async #runIn<J extends Job>(thread: PoolThread, job: J, buffer?: number): Promise<ResultOf<J>> {
    const messageOf = (id: number): JobMessage => ({ id, job, ...(buffer !== undefined && { buffer }) });
    thread.jobs++;
    try {
      const transferred = 'bytes' in job ? [job.bytes.buffer] : [];
      const outcome = (await thread.request(messageOf, { transferred })) as JobOutcome;
      if ('failure' in outcome) throw decodeFailure(outcome.failure);
      // The result of a job is of the job's kind
      return outcome.result as ResultOf<J>;
    } finally {
      thread.jobs--;
      this.#dispatch();
    }
  }

  /**
   * Finds the thread with the fewest buffers; of several, the one with the fewest jobs, because a thread receives no bytes during a
   * job. Starts a thread if none is idle and `width` allows it.
   */
  #pickForBuffer(): PoolThread {
    const best = pickLeast(this.#members, 'buffers', 'jobs');
    const isIdle = best?.buffers === 0 && best.jobs === 0;
    return best && (isIdle || this.#members.length >= this.width) ? best : this.#start();
  }

  /**
   * Finds the thread with the fewest jobs, and starts one if all are busy and `width` allows it. Returns undefined if all
   * have `JOBS_A_WORKER`.
   */
  #pickForJob(): PoolThread | undefined {
    const best = pickLeast(this.#members, 'jobs');
    if (best?.jobs !== 0 && this.#members.length < this.width) return this.#start();
    return best && best.jobs < JOBS_A_WORKER ? best : undefined;
  }

  #start(): PoolThread {
    const thread = { ...this.#threads.start(), jobs: 0, buffers: 0 };
    this.#members.push(thread);
    return thread;
  }
}

type Count = 'jobs' | 'buffers';

/**
 * Returns the thread with the lowest count `what`, of several the one with the lowest `then`, of several the first. Returns
 * undefined without threads.
 */
function pickLeast(threads: readonly PoolThread[], what: Count, then = what): PoolThread | undefined {
  return threads.toSorted((a, b) => a[what] - b[what] || a[then] - b[then])[0];
}
