/** Parts on their way at once. One more waits for its turn. */
const PARTS_IN_FLIGHT = 6;
/** What they may hold together, where parts are larger than the default: a save's memory is bounded (ADR 0011). */
const BYTES_IN_FLIGHT = 128 * 1024 * 1024;

/** The parts of an upload that the server has not acknowledged yet, so many at once and no more. */
export class PartsInFlight {
  readonly #requests = new Set<Promise<void>>();
  #bytes = 0;

  /** Resolves when there is room for a part that holds so many bytes. */
  async roomFor(bytes: number): Promise<void> {
    while (!this.#hasRoomFor(bytes)) await Promise.race(this.#requests);
  }

  /** One more, which holds `bytes` of memory until `request` ends. `request` must not reject. */
  add(bytes: number, request: Promise<void>): void {
    this.#bytes += bytes;
    const ended = request.finally(() => {
      this.#bytes -= bytes;
      this.#requests.delete(ended);
    });
    this.#requests.add(ended);
  }

  /** Resolves when none is left. */
  async ended(): Promise<void> {
    await Promise.all(this.#requests);
  }

  #hasRoomFor(bytes: number): boolean {
    // One part alone may be larger than that
    if (this.#requests.size === 0) return true;
    return this.#requests.size < PARTS_IN_FLIGHT && this.#bytes + bytes <= BYTES_IN_FLIGHT;
  }
}
