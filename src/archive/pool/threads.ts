import type { ResourceLimits, Worker } from 'node:worker_threads';
import { systemClock } from '../../retry/clock.ts';
import { OPEN_FILES_LIMIT } from '../archive-errors.ts';
import type { Report } from '../messages/report.ts';
import { countIfStuck } from './stuck-threads.ts';

/** A thread has ended by itself, or its owner has ended it: no fault of the server or the tree that it has worked with. */
export class ThreadError extends Error {
  override name = 'ThreadError';
}

/** Time in ms that threads have to end their running requests, before they are ended in the middle of one. */
const FINISH_MS = 300;

interface ThreadOptions {
  readonly program: URL;
  /** Becomes the `workerData`. */
  readonly settings: unknown;
  readonly limits: ResourceLimits;
  /** Subject of the message when a thread ends by itself, such as `a worker thread`. */
  readonly name: string;
  /** Called once, with the first failure of a thread or the reason of `close`, when all requests are rejected. */
  readonly onEnd?: (reason: ThreadError) => void;
}

interface Pending {
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
  /** Memory that goes over to the thread instead of being copied. */
  readonly transferred?: readonly ArrayBuffer[];
  readonly onBytes?: (count: number) => void;
}

/** The threads of one owner. A failure of one of them is that of all: requests are rejected, and no thread starts any more. */
export class Threads<Message extends object> {
  readonly #options: ThreadOptions;
  readonly #workers: Worker[] = [];
  readonly #pending = new Map<number, Pending>();
  /** Requests that their threads have not ended, also rejected ones. */
  readonly #unfinished = new Set<number>();
  #onFinished = () => {};
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
          this.#pending.set(id, { onBytes, resolve, reject });
          this.#unfinished.add(id);
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
    this.#closed ??= countIfStuck(this.#terminate());
    return this.#closed;
  }

  /**
   * Ends the threads when they have ended their requests, or after `FINISH_MS`. Node 24 aborts the process when a thread is
   * ended between the creation of a zlib context and its initialisation (`close before init`), as each job has one.
   */
  async #terminate(): Promise<void> {
    if (this.#unfinished.size > 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#onFinished = resolve;
      await promise.finally(systemClock.after(FINISH_MS, resolve));
    }
    await Promise.all(this.#workers.map(worker => worker.terminate()));
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
      worker.on('exit', code => this.#end(new ThreadError(`${name} ended with code ${code}`)));
      this.#workers.push(worker);
      return worker;
    } catch (error) {
      // The system has no room for another thread
      this.#end(error);
      return undefined;
    }
  }

  #receive({ id, bytes = 0, end }: Report): void {
    const pending = this.#pending.get(id);
    if (bytes > 0) pending?.onBytes(bytes);
    if (!end) return;
    this.#pending.delete(id);
    this.#unfinished.delete(id);
    if (this.#unfinished.size === 0) this.#onFinished();
    pending?.resolve(end.answer);
  }

  #end(error: unknown): void {
    if (this.#failure) return;
    const failure = error instanceof ThreadError ? error : threadError(error);
    this.#failure = failure;
    for (const { reject } of this.#pending.values()) reject(failure);
    this.#pending.clear();
    this.#options.onEnd?.(failure);
  }
}

/** Limits that keep a thread from starting, by the code of the system, which is all that Node's message has. */
const LIMITS: Readonly<Record<string, string>> = {
  EAGAIN: 'the limit of processes and threads of this user or container is reached; raise `nproc`',
  EMFILE: OPEN_FILES_LIMIT,
};

function threadError(cause: unknown): ThreadError {
  const message = cause instanceof Error ? cause.message : String(cause);
  const isUnstarted = (cause as NodeJS.ErrnoException | undefined)?.code === 'ERR_WORKER_INIT_FAILED';
  const [code = ''] = (isUnstarted && /E[A-Z]+$/.exec(message)) || [];
  const limit = LIMITS[code];
  return new ThreadError(limit ? `a thread cannot start: ${limit} (${code})` : message, { cause });
}
