import { Readable } from 'node:stream';
import type { Worker } from 'node:worker_threads';
import { threadProgram } from '../../../archive/pool/thread-program.ts';
import type { ConnectionSettings } from '../transport/agents.ts';
import { type RequestAnswer, responseOf } from '../transport/request-ticket.ts';
import type { SenderMessage, SenderReport } from '../transport/sender-messages.ts';
import { ownsMemory, type PartBody, type PartBytes } from './part-body.ts';

/** Parts that a thread holds before another one is started: it fills 10 Gbit/s alone. */
const PARTS_A_THREAD = 3;
/** Its objects are those of some requests. */
const LIMITS = { maxYoungGenerationSizeMb: 4 };

interface Thread {
  readonly worker: Worker;
  readonly requests: Map<number, Waiting>;
  parts: number;
}

interface Waiting {
  readonly onBytes: (bytes: number) => void;
  readonly resolve: (answer: RequestAnswer | string) => void;
  readonly reject: (error: Error) => void;
}

/** Threads that hold the parts of an upload and send them. The main thread signs each request and judges its response. */
export class SenderThreads {
  readonly #most: number;
  readonly #settings: ConnectionSettings;
  readonly #threads: Thread[] = [];
  #lastId = 0;
  #failure: Error | undefined;

  /** Starts no thread yet, and at most `most`. */
  constructor(most: number, settings: ConnectionSettings) {
    this.#most = most;
    this.#settings = settings;
  }

  /** Hands the bytes of a part over to a thread. They must not be used here any more. */
  hold({ pieces, sizeBytes }: PartBytes): PartBody {
    const thread = this.#thread();
    const part = ++this.#lastId;
    const post = (message: SenderMessage, memory: ArrayBuffer[] = []) =>
      thread.worker.postMessage(message, memory);
    const own = pieces.map(alone);
    thread.parts++;
    post(
      { kind: 'hold', part, pieces: own },
      own.map(({ buffer }) => buffer),
    );
    const failure = () => this.#failure;
    return {
      sizeBytes,
      get threadFailure() {
        return failure();
      },
      stream: () => Readable.from([]),
      md5: async () =>
        (await this.#request(thread, request => ({ kind: 'digest', part, request }))) as string,
      senderOf:
        progress =>
        async ({ body: _, ...sent }, { signal, ...limits }) => {
          const messageOf = (request: number): SenderMessage => {
            return { kind: 'send', part, request, ticket: { request: sent, limits } };
          };
          const answer = await this.#request(thread, messageOf, progress.sent.bind(progress), signal);
          signal?.throwIfAborted();
          return responseOf(answer as RequestAnswer);
        },
      release() {
        thread.parts--;
        post({ kind: 'release', part });
      },
    };
  }

  /** Ends the threads with their connections. */
  async close(): Promise<void> {
    this.#fail(new Error('the upload has ended'));
    await Promise.all(this.#threads.splice(0).map(({ worker }) => worker.terminate()));
  }

  /** Resolves with the answer, also when `signal` is aborted: then the request has ended. */
  #request(
    { worker, requests }: Thread,
    messageOf: (request: number) => SenderMessage,
    onBytes: (bytes: number) => void = () => {},
    signal?: AbortSignal,
  ): Promise<RequestAnswer | string> {
    return new Promise((resolve, reject) => {
      if (this.#failure) return reject(this.#failure);
      const request = ++this.#lastId;
      const cancel = () => worker.postMessage({ kind: 'cancel', request } satisfies SenderMessage);
      const done = () => signal?.removeEventListener('abort', cancel);
      requests.set(request, {
        onBytes,
        resolve: answer => {
          done();
          resolve(answer);
        },
        reject: error => {
          done();
          reject(error);
        },
      });
      signal?.addEventListener('abort', cancel, { once: true });
      worker.postMessage(messageOf(request));
    });
  }

  /** Finds the thread with the fewest parts, and starts one if all have enough and the number allows it. */
  #thread(): Thread {
    const best = this.#threads.toSorted((a, b) => a.parts - b.parts)[0];
    const isEnough = this.#threads.length >= this.#most;
    return best && (isEnough || best.parts < PARTS_A_THREAD) ? best : this.#start();
  }

  #start(): Thread {
    // Loaded here, because a run that sends no part needs no threads
    const { Worker } = process.getBuiltinModule('node:worker_threads');
    const worker = new Worker(threadProgram('sender'), {
      workerData: this.#settings,
      resourceLimits: LIMITS,
    });
    const requests = new Map<number, Waiting>();
    worker.on('message', ({ request, bytes, answer }: SenderReport) => {
      const waiting = requests.get(request);
      if (bytes > 0) waiting?.onBytes(bytes);
      if (answer === undefined) return;
      requests.delete(request);
      waiting?.resolve(answer);
    });
    worker.on('error', error => this.#fail(error as Error));
    worker.on('exit', code => this.#fail(new Error(`a thread that sends parts ended with code ${code}`)));
    const thread = { worker, requests, parts: 0 };
    this.#threads.push(thread);
    return thread;
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const { requests } of this.#threads) {
      for (const { reject } of requests.values()) reject(this.#failure);
      requests.clear();
    }
  }
}

/** Returns bytes whose memory holds no others in use, so that it can go over to another thread. */
function alone(piece: Uint8Array): Uint8Array<ArrayBuffer> {
  const isOwn = piece.buffer instanceof ArrayBuffer && ownsMemory(piece);
  return isOwn ? (piece as Uint8Array<ArrayBuffer>) : new Uint8Array(piece);
}
