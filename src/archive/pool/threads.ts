import type { ResourceLimits, Worker } from 'node:worker_threads';
import { systemClock } from '../../retry/clock.ts';
import { OPEN_FILES_LIMIT } from '../archive-errors.ts';
import type { Report } from '../messages/report.ts';
import { countIfStuck } from './stuck-threads.ts';

/** Error of a thread that has ended by itself, or that its owner has ended. The server or the tree is not the cause. */
export class ThreadError extends Error {
  override name = 'ThreadError';
}

/** Time in ms that closed threads have to finish their requests, before they are ended in the middle of one. */
const FINISH_MS = 300;

interface ThreadOptions {
  readonly program: URL;
  /** The `workerData` of the threads. */
  readonly settings: unknown;
  readonly limits: ResourceLimits;
  /** Subject of the message when a thread ends by itself, such as `a worker thread`. */
  readonly name: string;
  /** Receives the first failure of a thread or the reason of `close`, once, when all requests are rejected. */
  readonly onEnd?: (reason: ThreadError) => void;
}

interface Pending {
  /** The thread. Undefined if it could not be started. */
  readonly worker: Worker | undefined;
  readonly onBytes: (count: number) => void;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: ThreadError) => void;
}

export interface Thread<Message extends object> {
  /**
   * Sends a request, and resolves with its answer. Calls `onBytes` with the number of bytes of each report. Rejects with a
   * ThreadError, or the error of a message that cannot be cloned.
   */
  request(messageOf: (id: number) => Message, options?: RequestOptions): Promise<unknown>;
  /** Sends a message that has no answer, unless the threads have ended. Throws if it cannot be cloned. */
  post(message: Message, transferred?: readonly ArrayBuffer[]): void;
}

interface RequestOptions {
  /** Memory that is moved to the thread instead of being copied. */
  readonly transferred?: readonly ArrayBuffer[];
  readonly onBytes?: (count: number) => void;
}

/** The threads of one owner. If one fails, all have failed: their requests are rejected, and no thread starts afterwards. */
export class Threads<Message extends object> {
  readonly #options: ThreadOptions;
  readonly #workers: Worker[] = [];
  /** Requests that a thread may still be working on, also those that were rejected. */
  readonly #requests = new Map<number, Pending>();
  /** Runs when the last request has ended. */
  #onIdle = () => {};
  #lastId = 0;
  #failure: ThreadError | undefined;
  #closed: Promise<void> | undefined;

  constructor(options: ThreadOptions) {
    this.#options = options;
  }

  /** The first failure of a thread, or the reason of `close`. */
  get failure(): ThreadError | undefined {
    return this.#failure;
  }

  /** Starts a thread. Never throws: if the system cannot start it, its requests are rejected. */
  start(): Thread<Message> {
    const worker = this.#failure ? undefined : this.#startWorker();
    return {
      request: (messageOf, { transferred = [], onBytes = () => {} } = {}) =>
        new Promise((resolve, reject) => {
          if (this.#failure) return reject(this.#failure);
          const id = ++this.#lastId;
          worker?.postMessage(messageOf(id), transferred);
          this.#requests.set(id, { worker, onBytes, resolve, reject });
        }),
      post: (message, transferred = []) => {
        if (!this.#failure) worker?.postMessage(message, transferred);
      },
    };
  }

  /**
   * Rejects all requests with `reason`, and ends the threads. Resolves when they have ended, or hang in a call of the system
   * and are counted as stuck.
   */
  close(reason: string): Promise<void> {
    this.#end(new ThreadError(reason));
    this.#closed ??= this.#finishRequests().then(() =>
      countIfStuck(Promise.all(this.#workers.map(worker => worker.terminate()))),
    );
    return this.#closed;
  }

  /**
   * Waits until no thread works on a request, for at most `FINISH_MS`. Node 24 aborts the process when a thread is ended between
   * the creation of a zlib context and its initialisation (`close before init`). Each job creates a zlib context.
   */
  async #finishRequests(): Promise<void> {
    if (this.#requests.size === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onIdle = resolve;
    const cancel = systemClock.after(FINISH_MS, resolve);
    await promise.finally(cancel);
  }

  #startWorker(): Worker | undefined {
    const { program, settings, limits, name } = this.#options;
    // Loaded here, because most runs need no threads
    const { Worker } = process.getBuiltinModule('node:worker_threads');
    try {
      const worker = new Worker(program, { workerData: settings, resourceLimits: limits });
      worker.on('message', report => this.#receive(report));
      worker.on('messageerror', error => this.#end(error));
      worker.on('error', error => this.#end(error));
      worker.on('exit', code => {
        this.#end(new ThreadError(`${name} ended with code ${code}`));
        for (const [id, request] of this.#requests) if (request.worker === worker) this.#remove(id);
      });
      this.#workers.push(worker);
      return worker;
    } catch (error) {
      // The system does not allow another thread
      this.#end(error);
      return undefined;
    }
  }

  #receive({ id, bytes = 0, end }: Report): void {
    const request = this.#requests.get(id);
    if (bytes > 0 && !this.#failure) request?.onBytes(bytes);
    if (!end) return;
    this.#remove(id);
    // Does nothing if it was rejected
    request?.resolve(end.answer);
  }

  #remove(id: number): void {
    this.#requests.delete(id);
    if (this.#requests.size === 0) this.#onIdle();
  }

  #end(error: unknown): void {
    if (this.#failure) return;
    const failure = error instanceof ThreadError ? error : threadError(error);
    this.#failure = failure;
    for (const { reject } of this.#requests.values()) reject(failure);
    this.#options.onEnd?.(failure);
  }
}

/** Messages for the limits that prevent a thread from starting, by the system's code: Node's message has only this code. */
const LIMITS: Readonly<Record<string, string>> = {
  EAGAIN: 'the limit of processes and threads of this user or container is reached; raise `nproc`',
  EMFILE: OPEN_FILES_LIMIT,
};

function threadError(cause: unknown): ThreadError {
  const message = cause instanceof Error ? cause.message : String(cause);
  const isUnstarted = (cause as NodeJS.ErrnoException | undefined)?.code === 'ERR_WORKER_INIT_FAILED';
  const code = isUnstarted ? /E[A-Z]+$/.exec(message)?.[0] : undefined;
  const limit = code && LIMITS[code];
  return new ThreadError(limit ? `a thread cannot start (${code}: ${limit})` : message, { cause });
}
