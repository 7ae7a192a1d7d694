import { type RequestResult, WaitQueue } from './wait-queue.ts';

/** Accepted transfers, none refused in between, after which the limit is raised by one. */
const RAISE_AFTER = 16;

/**
 * Limits the number of transfers in flight to the number that the server accepts, which is learnt from its refusals.
 *
 * Without the limit a refused part can starve: while it waits for its next attempt, the parts after it take each place that
 * becomes free. With a server that accepts two transfers and takes a second for a part, no save succeeded in five attempts. A
 * transfer that waits here uses up no attempt, and transfers start in order of arrival.
 */
export class ConcurrencyLimiter {
  #limit = Number.POSITIVE_INFINITY;
  #running = 0;
  /** Accepted transfers since the limit was last set. */
  #accepted = 0;
  readonly #queue = new WaitQueue<true, void>();

  /** Resolves when a place is free. Call `leave` to free it. Rejects with the signal's reason if that aborts while it waits. */
  async enter(signal: AbortSignal | undefined): Promise<void> {
    if (this.#running < this.#limit) this.#running++;
    else await this.#queue.wait(true, signal);
  }

  /** Frees a place. */
  leave(result: RequestResult): void {
    if (result === 'accepted' && ++this.#accepted === RAISE_AFTER) this.#setLimit(this.#limit + 1);
    // If it is late, a reverse proxy has accepted the bodies and passes them on over a slow link. Fewer at once arrive sooner
    const isRefused = result === 'refused' || result === 'late';
    // The server has accepted the other running transfers
    if (isRefused) this.#setLimit(Math.max(1, Math.min(this.#limit, this.#running - 1)));
    this.#running--;
    while (this.#queue.first && this.#running < this.#limit) {
      this.#running++;
      this.#queue.admit();
    }
  }

  #setLimit(limit: number): void {
    this.#limit = limit;
    this.#accepted = 0;
  }
}
