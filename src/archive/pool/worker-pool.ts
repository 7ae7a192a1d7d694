/** This folder runs on the main thread: it hands jobs to worker threads and bounds the work in flight. */

import { Worker } from 'node:worker_threads';
import {
  decodeFailure,
  type Job,
  type JobMessage,
  type ResultMessage,
  type ResultOf,
  transferListOf,
} from '../messages/job.ts';
import { runJob } from '../worker/run-job.ts';

/** Runs jobs, on this thread or in workers. */
export interface JobRunner {
  /** Number of jobs that it can run at the same moment. */
  readonly width: number;
  /** Takes ownership of the job's `bytes`. Rejects with the archive's own errors. */
  run<J extends Job>(job: J): Promise<ResultOf<J>>;
  /** Starts its threads, if it has any, before the first job comes. */
  start?(): void;
  /** Ends at once. Running jobs are rejected. */
  close(): Promise<void>;
}

/** Runs jobs on this thread, for archives that take less time than the start of a worker (30 ms). */
export class InlineRunner implements JobRunner {
  readonly width = 1;

  async run<J extends Job>(job: J): Promise<ResultOf<J>> {
    return runJob(job) as ResultOf<J>;
  }

  async close(): Promise<void> {}
}

interface Waiting {
  readonly job: Job;
  readonly resolve: (result: ResultOf<Job>) => void;
  readonly reject: (error: Error) => void;
}

interface Thread {
  readonly worker: Worker;
  readonly jobs: Map<number, Waiting>;
}

/** Jobs that a worker has at a time: the running one and the next one, so that it never waits for the main thread. */
const JOBS_A_WORKER = 2;

/**
 * A worker's objects live as long as a job. By default V8 takes 48 MB for them in each worker, and keeps the memory when
 * later jobs make few objects (ADR 0011).
 */
const WORKER_LIMITS = { maxYoungGenerationSizeMb: 12 };

/** Runs jobs in up to `width` worker threads, which it starts when jobs arrive. */
export class WorkerPool implements JobRunner {
  readonly width: number;
  readonly #url: URL;
  readonly #threads: Thread[] = [];
  readonly #queue: Waiting[] = [];
  #lastId = 0;
  #failure: Error | undefined;

  /** `url` is the worker's script: its TypeScript source under tests, its bundle in `dist/`. */
  constructor(url: URL, width: number) {
    this.#url = url;
    this.width = width;
  }

  run<J extends Job>(job: J): Promise<ResultOf<J>> {
    return new Promise((resolve, reject) => {
      if (this.#failure) return reject(this.#failure);
      // The result of a job is of the job's kind
      this.#queue.push({ job, resolve: resolve as Waiting['resolve'], reject });
      this.#dispatch();
    });
  }

  start(): void {
    while (this.#threads.length < this.width) this.#start();
  }

  async close(): Promise<void> {
    this.#fail(new Error('the worker pool is closed'));
    await Promise.all(this.#threads.splice(0).map(thread => thread.worker.terminate()));
  }

  #dispatch(): void {
    while (this.#queue.length > 0) {
      const thread = this.#leastBusy();
      if (!thread) return;
      const waiting = this.#queue.shift()!;
      const id = ++this.#lastId;
      thread.jobs.set(id, waiting);
      const { job } = waiting;
      thread.worker.postMessage({ id, job } satisfies JobMessage, transferListOf(job));
    }
  }

  /**
   * Finds the thread with the fewest jobs, and starts one if all are busy and `width` allows it. Returns undefined if all
   * have `JOBS_A_WORKER`.
   */
  #leastBusy(): Thread | undefined {
    let best: Thread | undefined;
    for (const thread of this.#threads) {
      if (!best || thread.jobs.size < best.jobs.size) best = thread;
    }
    if (best?.jobs.size !== 0 && this.#threads.length < this.width) return this.#start();
    return best && best.jobs.size < JOBS_A_WORKER ? best : undefined;
  }

  #start(): Thread {
    const worker = new Worker(this.#url, { resourceLimits: WORKER_LIMITS });
    const thread: Thread = { worker, jobs: new Map() };
    worker.on('message', (message: ResultMessage) => {
      const waiting = thread.jobs.get(message.id);
      thread.jobs.delete(message.id);
      if ('failure' in message) waiting?.reject(decodeFailure(message.failure));
      else waiting?.resolve(message.result);
      this.#dispatch();
    });
    worker.on('error', error => this.#fail(error as Error));
    worker.on('exit', code => this.#fail(new Error(`a worker thread ended with code ${code}`)));
    this.#threads.push(thread);
    return thread;
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    const waiting = [...this.#queue.splice(0), ...this.#threads.flatMap(thread => [...thread.jobs.values()])];
    for (const thread of this.#threads) thread.jobs.clear();
    for (const { reject } of waiting) reject(this.#failure);
  }
}
