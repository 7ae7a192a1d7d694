/** Maximum number of parts in flight. */
const PARTS_IN_FLIGHT = 6;
/** Maximum bytes of these parts together, so that larger parts than the default do not take more of a save's memory (ADR 0011). */
const PART_BYTES_IN_FLIGHT = 128 * 1024 * 1024;

/** Number of unsent parts at which the queue is full. On a fast link there is at most one, while the next one is made. */
const QUEUED_PARTS = 2;

/** A part that a request sends. */
export interface SendingPart {
  /** Size of the part that is in memory. 0 if the server copies the part. */
  readonly sizeBytes: number;
  /** Number of bytes that the latest request has passed to its socket. */
  sentBytes: number;
}

/** The parts of an upload that the server has not acknowledged yet, bounded in number and bytes. */
export class PartsInFlight {
  readonly #requests = new Map<Promise<void>, SendingPart>();
  #bytes = 0;

  /** Waits until there is room for a part that takes `bytes` of memory. */
  async waitForRoom(bytes: number): Promise<void> {
    while (!this.#hasRoomFor(bytes)) await Promise.race(this.#requests.keys());
  }

  /** Returns the fill level of the queue of unsent parts of `partBytes` (`Upload.queueFill`): 0 is empty, 1 or more is full. */
  queueFill(partBytes: number): number {
    if (!this.#hasRoomFor(partBytes)) return 1;
    let unsent = 0;
    for (const part of this.#requests.values()) unsent += part.sizeBytes - part.sentBytes;
    return unsent / (QUEUED_PARTS * partBytes);
  }

  /** Adds a part that takes memory until `request` ends. `request` must not reject. */
  add(part: SendingPart, request: Promise<void>): void {
    this.#bytes += part.sizeBytes;
    const ended = request.finally(() => {
      this.#bytes -= part.sizeBytes;
      this.#requests.delete(ended);
    });
    this.#requests.set(ended, part);
  }

  /** Waits until no part is in flight. */
  async waitForAll(): Promise<void> {
    await Promise.all(this.#requests.keys());
  }

  #hasRoomFor(bytes: number): boolean {
    // A single part may be larger than `PART_BYTES_IN_FLIGHT`
    if (this.#requests.size === 0) return true;
    return this.#requests.size < PARTS_IN_FLIGHT && this.#bytes + bytes <= PART_BYTES_IN_FLIGHT;
  }
}
