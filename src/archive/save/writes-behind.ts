/** What may wait in memory, in bytes: as much as a few parts. */
const WAITING_BYTES = 32 * 1024 * 1024;

/** Writes of what is packed while the store copies what stands before it: they wait, and do not hold up the scan. */
export class WritesBehind {
  readonly #copied: Promise<void>;
  readonly #write: (bytes: Uint8Array) => Promise<void>;
  readonly #waitingBytes: number;
  #waiting: Uint8Array[] = [];
  #sizeBytes = 0;
  #isCopying = true;

  constructor(
    copied: Promise<void>,
    write: (bytes: Uint8Array) => Promise<void>,
    waitingBytes = WAITING_BYTES,
  ) {
    this.#copied = copied;
    this.#write = write;
    this.#waitingBytes = waitingBytes;
    const ended = () => {
      this.#isCopying = false;
    };
    // A failure is the next write's
    copied.then(ended, ended);
  }

  /** Resolves when there is room for more. Rejects when the copy has failed, or a write does. */
  async write(bytes: Uint8Array): Promise<void> {
    this.#waiting.push(bytes);
    this.#sizeBytes += bytes.length;
    if (!this.#isCopying || this.#sizeBytes > this.#waitingBytes) await this.flush();
  }

  /** Resolves when all of it is written, behind the copy. Rejects as `write`. */
  async flush(): Promise<void> {
    await this.#copied;
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#sizeBytes = 0;
    for (const bytes of waiting) await this.#write(bytes);
  }
}
