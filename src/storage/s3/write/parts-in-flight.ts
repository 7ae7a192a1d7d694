/** Parts in flight at once. One more waits. */
const PARTS_IN_FLIGHT = 6;
/** Bytes that they may hold together, where parts are larger than the default: a save's memory is bounded (ADR 0011). */
const BYTES_IN_FLIGHT = 128 * 1024 * 1024;

/** The parts of an upload that the server has not acknowledged yet, bounded in number and bytes. */
export class PartsInFlight {
  readonly #requests = new Set<Promise<void>>();
  #bytes = 0;

  /** Resolves when there is room for a part that holds `bytes` of memory. */
  async roomFor(bytes: number): Promise<void> {
    while (!this.#hasRoomFor(bytes)) await Promise.race(this.#requests);
  }

  /** Adds a part that holds `bytes` of memory until `request` ends. `request` must not reject. */
  add(bytes: number, request: Promise<void>): void {
    this.#bytes += bytes;
    const ended = request.finally(() => {
      this.#bytes -= bytes;
      this.#requests.delete(ended);
    });
    this.#requests.add(ended);
  }

  /** Resolves when no part is in flight. */
  async ended(): Promise<void> {
    await Promise.all(this.#requests);
  }

  #hasRoomFor(bytes: number): boolean {
    // A single part may be larger than that
    if (this.#requests.size === 0) return true;
    return this.#requests.size < PARTS_IN_FLIGHT && this.#bytes + bytes <= BYTES_IN_FLIGHT;
  }
}
