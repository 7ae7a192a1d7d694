/** This folder runs on the main thread: it hands jobs to worker threads and bounds the work in flight. */

import { setTimeout } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { FetchMessage, FetchReport } from '../messages/fetch.ts';
import {
  decodeFailure,
  type Job,
  type JobMessage,
  type ResultMessage,
  type ResultOf,
  transferListOf,
} from '../messages/job.ts';
import { runAndRelease } from '../worker/worker.ts';
import { hasStuckThread } from './stuck-threads.ts';

/** Runs jobs, on this thread or in workers. */
export interface JobRunner {
  /** Number of jobs that it can run at the same moment. */
  readonly width: number;
  /** Takes ownership of the job's `bytes`. Rejects with the archive's own errors. */
  run<J extends Job>(job: J): Promise<ResultOf<J>>;
  /** Starts its threads, if it has any, before the first job comes. */
  start?(): void;
  /** Reserves a buffer of `length` bytes in the memory of one of its threads, if it has any. Throws when it is closed. */
  reserve?(length: number): WorkerBuffer;
  /** Ends at once. Running jobs are rejected. */
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
  /** Runs a job whose `bytes` are those of the buffer. */
  run<J extends Job>(job: J): Promise<ResultOf<J>>;
}

/** Runs jobs on this thread, for archives that take less time than the start of a worker (30 ms). */
export class InlineRunner implements JobRunner {
  readonly width = 1;

  async run<J extends Job>(job: J): Promise<ResultOf<J>> {
    return runAndRelease(job) as ResultOf<J>;
  }

  async close(): Promise<void> {}
}

interface Waiting {
  readonly job: Job;
  readonly resolve: (result: ResultOf<Job>) => void;
  readonly reject: (error: Error) => void;
}

interface Fetching {
  readonly onBytes: (count: number) => void;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: Error) => void;
}

interface Thread {
  readonly worker: Worker;
  readonly jobs: Map<number, Waiting>;
  readonly fetches: Map<number, Fetching>;
  /** Buffers that are reserved in it. */
  buffers: number;
}

/** Jobs that a worker has at a time: the running one and the next one, so that it never waits for the main thread. */
const JOBS_A_WORKER = 2;

/** Time in ms for the other threads to end when one hangs. */
const STUCK_MS = 1000;

/**
 * A worker's objects live as long as a job. By default V8 takes 48 MB for them in each worker, and keeps the memory when
 * later jobs make few objects (ADR 0011).
 */
const WORKER_LIMITS = { maxYoungGenerationSizeMb: 12 };

/** Runs jobs in up to `width` worker threads, which it starts when jobs arrive. */
export class WorkerPool implements JobRunner {
  readonly width: number;
  readonly #url: URL;
  readonly #fetcherSettings: unknown;
  readonly #threads: Thread[] = [];
  readonly #queue: Waiting[] = [];
  #lastId = 0;
  #failure: Error | undefined;

  /**
   * `url` is the worker's script: see thread-program.ts. `fetcherSettings` become its
   * `workerData`.
   */
  constructor(url: URL, width: number, fetcherSettings?: unknown) {
    this.#url = url;
    this.width = width;
    this.#fetcherSettings = fetcherSettings;
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

  reserve(length: number): WorkerBuffer {
    if (this.#failure) throw this.#failure;
    const thread = this.#fewestBuffers();
    const buffer = ++this.#lastId;
    thread.buffers++;
    return {
      isWorkerBusy: () => thread.jobs.size > 0,
      fetch: (ticket, at, onBytes) =>
        new Promise((resolve, reject) => {
          if (this.#failure) return reject(this.#failure);
          const fetch = ++this.#lastId;
          thread.fetches.set(fetch, { onBytes, resolve, reject });
          thread.worker.postMessage({ fetch, buffer, length, at, ticket } satisfies FetchMessage);
        }),
      run: job =>
        new Promise((resolve, reject) => {
          if (this.#failure) return reject(this.#failure);
          // The result of a job is of the job's kind
          const settle = (result: ResultOf<Job>) => {
            thread.buffers--;
            (resolve as Waiting['resolve'])(result);
          };
          this.#send(thread, { job, resolve: settle, reject }, buffer);
        }),
    };
  }

  async close(): Promise<void> {
    this.#fail(new Error('the worker pool is closed'));
    const ended = Promise.all(this.#threads.splice(0).map(thread => thread.worker.terminate()));
    // One that hangs in a call of the system ends with that call, and runs nothing more
    await (hasStuckThread() ? Promise.race([ended, setTimeout(STUCK_MS)]) : ended);
  }

  #dispatch(): void {
    while (this.#queue.length > 0) {
      const thread = this.#leastBusy();
      if (!thread) return;
      this.#send(thread, this.#queue.shift()!);
    }
  }

  #send(thread: Thread, waiting: Waiting, buffer?: number): void {
    const id = ++this.#lastId;
    thread.jobs.set(id, waiting);
    const { job } = waiting;
    const message: JobMessage = { id, job, ...(buffer !== undefined && { buffer }) };
    thread.worker.postMessage(message, transferListOf(job));
  }

  /** Finds the thread with the fewest buffers, and starts one if all have some and `width` allows it. */
  #fewestBuffers(): Thread {
    const best = this.#threads.reduce<Thread | undefined>(
      (least, thread) => (least && least.buffers <= thread.buffers ? least : thread),
      undefined,
    );
    return best && (best.buffers === 0 || this.#threads.length >= this.width) ? best : this.#start();
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
    const worker = new Worker(this.#url, {
      resourceLimits: WORKER_LIMITS,
      workerData: this.#fetcherSettings,
    });
    const thread: Thread = { worker, jobs: new Map(), fetches: new Map(), buffers: 0 };
    worker.on('message', (message: ResultMessage | FetchReport) => {
      if ('fetch' in message) return report(thread, message);
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
    const waiting = [
      ...this.#queue.splice(0),
      ...this.#threads.flatMap(({ jobs, fetches }) => [...jobs.values(), ...fetches.values()]),
    ];
    for (const { jobs, fetches } of this.#threads) {
      jobs.clear();
      fetches.clear();
    }
    for (const { reject } of waiting) reject(this.#failure);
  }
}

function report({ fetches }: Thread, { fetch, bytes, end }: FetchReport): void {
  const fetching = fetches.get(fetch);
  if (bytes > 0) fetching?.onBytes(bytes);
  if (!end) return;
  fetches.delete(fetch);
  fetching?.resolve(end.answer);
}
