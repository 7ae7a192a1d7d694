import type { Readable } from 'node:stream';
import type { FillingBuffer } from '../../../archive/messages/fetch.ts';
import type { WorkerBuffer } from '../../../archive/pool/worker-pool.ts';
import { raceSignal } from '../../../retry/signals.ts';
import { readInto, readWhole } from '../transport/body.ts';
import { type RequestAnswer, responseOf, ticketOf } from '../transport/request-ticket.ts';
import type { Transport } from '../transport/transport.ts';

type OnBytes = (count: number) => void;

/** The memory for the bytes of a range, over all attempts. */
export interface RangeTarget {
  /** Number of bytes of checked responses. */
  readonly filled: number;
  /** Returns the function that sends a request in place of this thread's transport. */
  senderOf?(onBytes: OnBytes): Transport['send'];
  /** Prepares the memory for `length` bytes, before the first of them is read. */
  open(length: number): void;
  /** Adds the body of a checked response. Rejects if it breaks off. */
  read(body: Readable, onBytes: OnBytes): Promise<void>;
}

/** Memory of this thread. */
export class OwnMemory implements RangeTarget, FillingBuffer {
  bytes: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  filled = 0;

  open(length: number): void {
    // Uninitialised, and outside Node's pool, whose buffers cannot be transferred to a worker
    this.bytes = new Uint8Array(Buffer.allocUnsafeSlow(length).buffer);
  }

  read(body: Readable, onBytes: OnBytes): Promise<void> {
    return readInto(this, body, onBytes);
  }
}

/** Memory of a worker, which also sends the requests. */
export class WorkerMemory implements RangeTarget {
  filled = 0;
  readonly #buffer: WorkerBuffer;
  /** Number of bytes of the latest response, which is not checked yet. */
  #arrived = 0;

  constructor(buffer: WorkerBuffer) {
    this.#buffer = buffer;
  }

  senderOf(onBytes: OnBytes): Transport['send'] {
    return async (request, options) => {
      const ticket = ticketOf(request, options);
      this.#arrived = 0;
      const fetching = this.#buffer.fetch(ticket, this.filled, count => {
        this.#arrived += count;
        onBytes(count);
      });
      return responseOf((await raceSignal(fetching, options.signal)) as RequestAnswer);
    };
  }

  open(): void {}

  async read(body: Readable): Promise<void> {
    this.filled += this.#arrived;
    // The worker has the bytes: this body is empty, and fails if the body in the worker has failed
    await readWhole(body, 0);
  }
}
