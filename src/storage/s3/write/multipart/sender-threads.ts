import { Readable } from 'node:stream';
import { threadProgram } from '../../../../archive/pool/thread-program.ts';
import { type Thread, Threads } from '../../../../archive/pool/threads.ts';
import { raceSignal } from '../../../../retry/signals.ts';
import type { ConnectionSettings } from '../../transport/agents.ts';
import type { SenderMessage } from '../../transport/part-sender.ts';
import {
  type RequestAnswer,
  type RequestTicket,
  responseOf,
  ticketOf,
} from '../../transport/request-ticket.ts';
import { ownsMemory, type PartBody, type PartBytes } from '../body.ts';

/** Number of parts of a thread at which another thread is started: one thread fills 10 Gbit/s. */
const PARTS_A_THREAD = 3;
/** Heap limits of a thread, which allocates objects only for a few requests. */
const LIMITS = { maxYoungGenerationSizeMb: 4 };

interface SenderThread extends Thread<SenderMessage> {
  /** Number of parts in the thread. */
  partCount: number;
}

/** Threads that keep and send the parts of an upload. The main thread signs each request and checks its response. */
export class SenderThreads {
  readonly #maxThreads: number;
  readonly #threads: Threads<SenderMessage>;
  readonly #senders: SenderThread[] = [];
  #lastPart = 0;

  /** Starts no thread yet, and later at most `maxThreads`. */
  constructor(maxThreads: number, settings: ConnectionSettings) {
    this.#maxThreads = maxThreads;
    this.#threads = new Threads({
      program: threadProgram('sender'),
      settings,
      limits: LIMITS,
      name: 'a thread that sends parts',
    });
  }

  /** Transfers the bytes of a part to a thread. The caller must not use them afterwards. */
  transfer({ pieces, sizeBytes }: PartBytes): PartBody {
    const thread = this.#chooseThread();
    const part = ++this.#lastPart;
    const own = pieces.map(withOwnMemory);
    thread.post(
      { kind: 'add', part, pieces: own },
      own.map(({ buffer }) => buffer),
    );
    thread.partCount++;
    return {
      sizeBytes,
      stream: () => Readable.from([]),
      md5: async signal => {
        signal?.throwIfAborted();
        const digest = thread.request(id => ({ kind: 'digest', id, part }));
        return (await raceSignal(digest, signal)) as string;
      },
      senderOf: progress => async (request, options) => {
        const ticket = ticketOf(request, options);
        const { signal } = options;
        const answer = await send(thread, part, ticket, bytes => progress.countSent(bytes), signal);
        signal?.throwIfAborted();
        return responseOf(answer);
      },
      release() {
        thread.partCount--;
        thread.post({ kind: 'release', part });
      },
    };
  }

  /** Ends the threads with their connections. */
  close(): Promise<void> {
    return this.#threads.close('the upload has ended');
  }

  /** Returns the thread with the fewest parts. Starts another one if all have enough parts, up to the maximum. */
  #chooseThread(): SenderThread {
    const best = this.#senders.toSorted((a, b) => a.partCount - b.partCount)[0];
    const mayStart = this.#senders.length < this.#maxThreads;
    if (best && (!mayStart || best.partCount < PARTS_A_THREAD)) return best;
    const thread = { ...this.#threads.start(), partCount: 0 };
    this.#senders.push(thread);
    return thread;
  }
}

/** Sends a part. Resolves with the answer, also after `signal` is aborted, so that the request has ended. */
async function send(
  thread: SenderThread,
  part: number,
  ticket: RequestTicket,
  onBytes: (bytes: number) => void,
  signal: AbortSignal | undefined,
): Promise<RequestAnswer> {
  let request: number;
  const cancel = () => thread.post({ kind: 'cancel', id: request });
  const answered = thread.request(
    id => {
      request = id;
      return { kind: 'send', id, part, ticket };
    },
    { onBytes },
  );
  signal?.addEventListener('abort', cancel, { once: true });
  return (await answered.finally(() => signal?.removeEventListener('abort', cancel))) as RequestAnswer;
}

/** Returns a piece, or a copy of it, whose memory has no other bytes in use and so can be transferred to another thread. */
function withOwnMemory(piece: Uint8Array): Uint8Array<ArrayBuffer> {
  const isOwn = piece.buffer instanceof ArrayBuffer && ownsMemory(piece);
  return isOwn ? (piece as Uint8Array<ArrayBuffer>) : new Uint8Array(piece);
}
