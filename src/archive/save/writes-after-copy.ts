/** Bytes that may wait in memory: as many as a few parts. */
const MAX_WAITING_BYTES = 32 * 1024 * 1024;

/** The destination of an object's bytes, which are written in their order. */
export interface ArchiveOutput {
  /** Resolves when there is room for more. */
  write(bytes: Uint8Array): Promise<void>;
  /** The use of the queue of bytes that wait to be sent: 0 is empty, 1 or more is full. */
  readonly queueFill: number;
  /** Resolves when all bytes are accepted. An output without it has accepted them when `write` resolves. */
  flush?(): Promise<void>;
}

/** Queues writes until the store has copied the bytes before them, so that the scan does not wait for the copy. */
export class WritesAfterCopy implements ArchiveOutput {
  readonly #copied: Promise<void>;
  readonly #output: ArchiveOutput;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #isCopying = true;

  constructor(copied: Promise<void>, output: ArchiveOutput) {
    this.#copied = copied;
    this.#output = output;
    const ended = () => {
      this.#isCopying = false;
    };
    // The next write rejects with a failure of the copy
    copied.then(ended, ended);
  }

  get queueFill(): number {
    return this.#output.queueFill;
  }

  /** Resolves when there is room for more. Rejects if the copy or a write has failed. */
  async write(bytes: Uint8Array): Promise<void> {
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    if (!this.#isCopying || this.#waitingBytes > MAX_WAITING_BYTES) await this.flush();
  }

  /** Resolves when the copy has ended and all bytes are written. Rejects as `write` does. */
  async flush(): Promise<void> {
    await this.#copied;
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    for (const bytes of waiting) await this.#output.write(bytes);
  }
}
